"""How far this machine lets a path go that keeps the promises: what missed rows are held against.

The bare path has the sockets, the loop, the link and Celery, and no promise. With the load that promises
bring (`bench.laden`) it is run as ours is, in the same rounds: with nothing but the commands of our scripts,
which is the limit, and with our scripts, which decide: how far the rest of our processes keeps us from that.
"""

from contextlib import ExitStack
from typing import Any

from bench.floor import Floor
from bench.generators import Generator, nodes, speak
from bench.load import messages
from bench.measures.bench import Bench
from bench.systems import System

SMALL_BYTES = 400
LARGE_BYTES = 20_480
_SIZES = {"bare": SMALL_BYTES, "bare_20k": LARGE_BYTES}


def measure_records(bench: Bench) -> None:
    """Note an utterance's commands, and the server's time for them and for our scripts, µs."""
    for name, size in _SIZES.items():
        bench.say(f"the records of utterances of {size} bytes")
        with ExitStack() as stack:
            system = System(stack, bench.new_folder())
            floor = Floor(system.store, system.url, messages.audio(size).decode())
            scripts = list(floor.record())
            bench.book.add(f"{name}_limit_commands", sum(map(len, scripts)))
            bench.book.add(f"{name}_limit_commands_us", floor.commands_us(scripts))
            bench.book.add(f"{name}_limit_scripts_us", floor.utterance_us())


def limit_rates(bench: Bench) -> dict[str, float]:
    """Give utterances/s: ``bare`` and ``bare_20k`` without decisions, ``deciding`` with our scripts."""
    rates = {}
    for name, size in _SIZES.items():
        bench.say(f"the bare path with the commands of utterances of {size} bytes")
        with bench.laden(size) as laden, nodes(laden) as made:
            rates[name] = _rate(bench, laden, made, name, size)
    bench.say("the bare path with our scripts")
    with bench.deciding() as deciding, nodes(deciding) as made:
        return {**rates, "deciding": _rate(bench, deciding, made, "deciding", SMALL_BYTES)}


def _rate(bench: Bench, system: System, made: Generator, name: str, size: int) -> float:
    plan = bench.plan
    report: dict[str, Any] = speak(
        system, made, clients=plan.in_flight, audio_bytes=size, seconds=plan.large_s, warm_s=plan.warm_s,
        seed=plan.seed,
    )  # fmt: skip
    bench.book.add(f"limit_{name}_per_s", report["per_s"])
    for part, seconds in report["cpu_s"].items():
        bench.book.add(f"limit_{name}_cpu_ms_{part}", 1000 * seconds / report["utterances"])
    bench.book.add(f"limit_{name}_cpu_ms", 1000 * sum(report["cpu_s"].values()) / report["utterances"])
    return float(report["per_s"])
