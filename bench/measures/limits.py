"""How far this machine lets any path go that keeps the promises: what missed rows are held against.

The bare path has the sockets, the loop, the link and Celery, and no promise. With the load that promises
bring (`bench.laden`) it is run as ours is.
"""

from contextlib import ExitStack

from bench.floor import Floor
from bench.generators import nodes, speak
from bench.load import messages
from bench.measures.bench import Bench
from bench.measures.roundtrip import CELERY, LARGE_BYTES
from bench.systems import System

SMALL_BYTES = 400


def measure_limits(bench: Bench) -> None:
    """Measure what records take by themselves, and how far the path gets that does little but keep them."""
    for size, name in ((SMALL_BYTES, "bare"), (LARGE_BYTES, "bare_20k")):
        bench.say(f"the bare path with the records of utterances of {size} bytes")
        _note_records(bench, size, name)
        _note_laden(bench, size, name)
    _note_peers(bench)


def _note_records(bench: Bench, size: int, name: str) -> None:
    """Note an utterance's commands, and the server's time for them and for our scripts, µs."""
    with ExitStack() as stack:
        system = System(stack, bench.new_folder())
        floor = Floor(system.store, system.url, messages.audio(size).decode())
        scripts = list(floor.record())
        bench.book.add(f"{name}_limit_commands", sum(map(len, scripts)))
        bench.book.add(f"{name}_limit_commands_us", floor.commands_us(scripts))
        bench.book.add(f"{name}_limit_scripts_us", floor.utterance_us())


def _note_laden(bench: Bench, size: int, name: str) -> None:
    """Note what part of the bare path's own rate is left with that load."""
    plan = bench.plan
    with bench.laden(size) as laden, nodes(laden) as made:
        report = speak(
            laden, made, clients=plan.in_flight, audio_bytes=size, seconds=plan.large_s, warm_s=plan.warm_s,
            seed=plan.seed,
        )  # fmt: skip
    bench.book.add(f"limit_{name}_per_s", report["per_s"])
    bench.book.add(f"limit_{name}_cpu_ms", 1000 * sum(report["cpu_s"].values()) / report["utterances"])
    if per_s := bench.book.value(f"{name}_per_s"):
        bench.book.add(f"limit_{name}_share", report["per_s"] / per_s)


def _note_peers(bench: Bench) -> None:
    """Note what that path reaches beside the peers."""
    book = bench.book
    per_s, single = book.value("limit_bare_per_s"), book.value("bare_single_p50_ms")
    rates = [value for name in CELERY if (value := book.value(f"{name}_per_s"))]
    if per_s and rates:
        book.add("limit_vs_celery", per_s / max(rates))
    if per_s and (bullmq := book.value("bullmq_per_s")):
        book.add("limit_vs_bullmq", per_s / bullmq)
    times = [value for name in CELERY if (value := book.value(f"{name}_single_p50_ms"))]
    if single and times:
        book.add("limit_latency_vs_celery", single / min(times))
