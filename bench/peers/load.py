"""What is asked of every peer: so many jobs in flight for a time, then one at a time."""

import argparse
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.load.messages import audio
from bench.load.report import quantiles_ms


@dataclass(frozen=True)
class Load:
    """How much."""

    in_flight: int
    warm_s: float
    seconds: float
    single_s: float
    """How long jobs are asked for one at a time; 0 for not at all."""
    payload: str


def read_load(in_flight: int) -> Load:
    """Read the command line; `in_flight` unless it says otherwise."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--in-flight", type=int, default=in_flight)
    parser.add_argument("--warm-s", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--single-s", type=float, default=0.0)
    parser.add_argument("--audio-bytes", type=int, default=400)
    args = vars(parser.parse_args())
    return Load(**{name: value for name, value in args.items() if name != "audio_bytes"},
                payload=audio(args["audio_bytes"]).decode())  # fmt: skip


def run(load: Load, ask: Callable[[str], Any], have: Callable[[Any], str]) -> dict[str, Any]:
    """Drive a peer whose client blocks: `ask` for a job, `have` its result."""
    assert have(ask(load.payload)) == load.payload
    asked = deque(ask(load.payload) for _ in range(load.in_flight))
    _go_on(load, asked, load.warm_s, ask, have)
    began_s = time.monotonic()
    count = _go_on(load, asked, load.seconds, ask, have)
    per_s = round(count / (time.monotonic() - began_s), 1)
    for each in asked:
        have(each)
    return {"per_s": per_s, "single": quantiles_ms(_one_at_a_time(load, ask, have))}


def tell(report: dict[str, Any]) -> None:
    """Print what was measured."""
    print(json.dumps(report), flush=True)


def _go_on(
    load: Load, asked: deque[Any], seconds: float, ask: Callable[[str], Any], have: Callable[[Any], str]
) -> int:
    """Ask for another job with each result, for a time; gives how many results came."""
    until_s, count = time.monotonic() + seconds, 0
    while time.monotonic() < until_s:
        have(asked.popleft())
        count += 1
        asked.append(ask(load.payload))
    return count


def _one_at_a_time(load: Load, ask: Callable[[str], Any], have: Callable[[Any], str]) -> list[float]:
    times: list[float] = []
    until_s = time.monotonic() + load.single_s
    while time.monotonic() < until_s:
        began_s = time.monotonic()
        have(ask(load.payload))
        times.append(time.monotonic() - began_s)
    return times
