"""How far this machine lets any path go that keeps the promises: what missed rows are held against.

The bare path has the sockets, the loop, the link and Celery, and no promise. Two things cannot be left out
where there are promises: the commands that keep an utterance's records, and the reading of its messages
against their models. Their time, measured by themselves, is added to the bare path's.
"""

import time
from contextlib import ExitStack

from bench.floor import Floor
from bench.load import messages
from bench.load.frames import take
from bench.measures.bench import Bench
from bench.measures.roundtrip import CELERY, LARGE_BYTES
from bench.systems import System
from scheduling.messages import parse_client_message, parse_node_message

_SMALL_BYTES = 400
_TIMES = 2000


def measure_limits(bench: Bench) -> None:
    """Measure what records and models take, and put it together with what is known of the bare path."""
    bench.say("what an utterance's records and messages take by themselves")
    book = bench.book
    for size, name in ((_SMALL_BYTES, "bare"), (LARGE_BYTES, "bare_20k")):
        with ExitStack() as stack:
            system = System(stack, bench.new_folder())
            floor = Floor(system.store, system.url, messages.audio(size).decode())
            commands, alone_us = floor.commands_us()
            book.add(f"{name}_limit_scripts_us", floor.utterance_us())
        models_us = _models_us(size)
        book.add(f"{name}_limit_commands", commands)
        book.add(f"{name}_limit_commands_us", alone_us)
        book.add(f"{name}_limit_models_us", models_us)
        _note_share(bench, name, (alone_us + models_us) / 1000)
    _note_peers(bench)


def _note_share(bench: Bench, name: str, added_ms: float) -> None:
    """Note what is left of the bare path's rate when its processor time grows by so much, ms an utterance.

    Its own two scripts are not taken off: they are a fortieth of it.
    """
    parts = [
        bench.book.value(f"{name}_{part}")
        for part in ("cpu_ms", "per_s", "clients_cpu_share", "nodes_cpu_share")
    ]
    if None in parts:
        return
    own_ms, per_s, *shares = (float(part or 0) for part in parts)
    whole_ms = own_ms + 1000 * sum(shares) / per_s
    bench.book.add(f"limit_{name}_share", whole_ms / (whole_ms + added_ms))


def _note_peers(bench: Bench) -> None:
    """Note what the bare path itself reaches beside the peers."""
    book = bench.book
    share, per_s, single = (
        book.value(name) for name in ("limit_bare_share", "bare_per_s", "bare_single_p50_ms")
    )
    rates = [value for name in CELERY if (value := book.value(f"{name}_per_s"))]
    if share and per_s and rates:
        book.add("limit_vs_celery", share * per_s / max(rates))
    if share and per_s and (bullmq := book.value("bullmq_per_s")):
        book.add("limit_vs_bullmq", share * per_s / bullmq)
    times = [value for name in CELERY if (value := book.value(f"{name}_single_p50_ms"))]
    if single and times:
        book.add("limit_latency_vs_celery", single / min(times))


def _models_us(size: int) -> float:
    """Give the time in which the two messages that carry an utterance are read, µs."""
    sound = messages.audio(size)
    said = _payload(messages.UtteranceFrames("s" * 32, sound).next())
    job = b'{"job_id":"%s","attempt_id":1,"session_id":"%s","utterance_index":0,"audio":"%s","trace_id":"t"}'
    answer = _payload(messages.result(b"node-1", job % (b"j" * 32, b"s" * 32, sound)))
    began_s = time.process_time()
    for _ in range(_TIMES):
        parse_client_message(said)
        parse_node_message(answer)
    return 1e6 * (time.process_time() - began_s) / _TIMES


def _payload(frame: bytes) -> str:
    return take(frame)[0][0][1].decode()
