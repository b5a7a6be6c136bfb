"""``make overload``: real processes under 1, 2, 5 and 10 times the load that they can carry.

A tenant `calm` asks for a quarter of the capacity all the time, `flood` for the rest of the load. The last
line is JSON: by multiple, for each of them, what was offered, admitted and refused, how long the admitted
took beyond the service time, how soon the others were told, and how far the estimated waits of the admitted
were off. What is sent in the first 15 s of each load does not count: a burst is let in that waits for
ADMIT_WAIT_MS, and is served by then.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.figures import quantile
from bench.overload_load import SERVICE_MS
from bench.stack import Stack
from scheduling.keys import Keys
from scheduling.store.plain import PlainStore

_NODES = 2
_SLOTS = 8
_CALM = 0.25
_CAPACITY_PER_S = _NODES * _SLOTS * 1000 / SERVICE_MS
_MULTIPLES = (1, 2, 5, 10)


def waits_of(store: PlainStore) -> Iterator[tuple[int, int]]:
    """Give the estimated and the actual wait of each job that waited, ms; forgets them."""
    cursor = b"0"
    while True:
        cursor, names = store.command("SCAN", cursor, "MATCH", f"{Keys('0').prefix}job:*", "COUNT", 1000)
        for name in names:
            found = store.command("HMGET", name, "wait", "created_ms", "assigned_ms")
            estimated, created, assigned = (int(value or 0) for value in found)
            if estimated and assigned:
                yield estimated, assigned - created
            store.command("DEL", name)
        if cursor == b"0":
            return


def measure(stack: Stack, multiple: int, warm_s: float, seconds: float) -> dict[str, Any]:
    """Put one load on the stack, from a process of its own."""
    rates = {"calm": _CALM * _CAPACITY_PER_S, "flood": (multiple - _CALM) * _CAPACITY_PER_S}
    command = [
        sys.executable, "-m", "bench.overload_load", "--url", f"ws://127.0.0.1:{stack.port}/ws/session",
        "--rates", json.dumps(rates), "--warm", str(warm_s), "--seconds", str(seconds),
    ]  # fmt: skip
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    waits = list(waits_of(stack.store))
    off = [abs(estimated - actual) for estimated, actual in waits]
    ratios = [estimated / max(1, actual) for estimated, actual in waits]
    found["estimates"] = {
        "jobs": len(waits), "off_ms_p50": quantile(off, 0.5), "off_ms_p90": quantile(off, 0.9),
        "estimated_by_actual_p50": quantile(ratios, 0.5),
    }  # fmt: skip
    return found


def main() -> None:
    """Measure at each multiple and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warm", type=float, default=15.0, help="s of each load that do not count")
    parser.add_argument("--seconds", type=float, default=25.0, help="s of each load that count")
    args = parser.parse_args()
    report: dict[str, Any] = {"capacity_per_s": _CAPACITY_PER_S, "service_ms": SERVICE_MS}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        processes = Stack(stack, folder, _NODES, _SLOTS, SERVICE_MS)
        measure(processes, 1, 0.0, 3.0)  # so that the time a job takes is known
        for multiple in _MULTIPLES:
            report[f"{multiple}x"] = measure(processes, multiple, args.warm, args.seconds)
            print(f"{multiple}x: {json.dumps(report[f'{multiple}x'])}", flush=True)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
