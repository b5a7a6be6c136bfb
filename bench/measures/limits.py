"""How far this machine lets any path go that keeps the promises: what missed rows are held against.

The bare path has the sockets, the loop, the link and Celery, and no promise. With the load that promises
bring (`bench.laden`) it is run as ours is, in the same rounds.
"""

from contextlib import ExitStack

from bench.floor import Floor
from bench.generators import nodes, speak
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


def laden_rates(bench: Bench) -> dict[str, float]:
    """Give how many utterances a second the bare path carries with that load, ``bare`` and ``bare_20k``."""
    return {name: _laden_per_s(bench, name, size) for name, size in _SIZES.items()}


def _laden_per_s(bench: Bench, name: str, size: int) -> float:
    bench.say(f"the bare path with the records of utterances of {size} bytes")
    plan = bench.plan
    with bench.laden(size) as laden, nodes(laden) as made:
        report = speak(
            laden, made, clients=plan.in_flight, audio_bytes=size, seconds=plan.large_s, warm_s=plan.warm_s,
            seed=plan.seed,
        )  # fmt: skip
    bench.book.add(f"limit_{name}_per_s", report["per_s"])
    bench.book.add(f"limit_{name}_cpu_ms", 1000 * sum(report["cpu_s"].values()) / report["utterances"])
    return float(report["per_s"])
