"""``make bench-placement``: what a reservation costs in any fleet, and how fast a dead node is noticed.

Prints a report and, as last line, JSON: ratios of the server time of `reserve`, and the times after a
``kill -9`` of a node at load 0.8.
"""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.node_kill import NodeKill
from bench.processes import valkey
from bench.reserve_cost import BLOCK, Fleet, ReserveCost
from scheduling.store.plain import PlainStore

#: ratio: the fleet, what it is compared with, and the bound that is promised
_RATIOS = {
    "reserve_100k_vs_100": ("100k-nodes", "100-nodes", 1.2),
    "reserve_300_classes_vs_1": ("300-classes", "100-nodes", 3.0),
    "reserve_full_but_one_vs_free": ("full-but-one", "100-nodes", 1.2),
    "reserve_100k_waiting_vs_100": ("100k-waiting", "100-waiting", 1.2),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=50_000, help="reservations timed in each fleet")
    parser.add_argument("--nodes", type=int, default=100_000, help="nodes of the large fleet")
    parser.add_argument("--waiting", type=int, default=100_000, help="jobs of the long queue")
    parser.add_argument("--no-kill", action="store_true", help="leave out the killed node")
    args = parser.parse_args()
    summary = _measure_reserve(args.calls, args.nodes, args.waiting)
    if not args.no_kill:
        summary |= _measure_kill()
    print(json.dumps(summary))


def _measure_reserve(calls: int, nodes: int, waiting: int) -> dict[str, Any]:
    fleets = [
        Fleet("100-nodes", 100),
        Fleet("100k-nodes", nodes),
        Fleet("300-classes", 300, classes=300),
        Fleet("full-but-one", 100, slots=BLOCK + 100, full=99),
        Fleet("100-waiting", 100, full=100, waiting=100),
        Fleet("100k-waiting", 100, full=100, waiting=waiting),
    ]
    blocks = max(1, calls // BLOCK)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(valkey(folder / "valkey"))
        cost = ReserveCost(stack.enter_context(PlainStore(url, timeout_s=30)), url)
        for fleet in fleets:
            print(f"building {fleet.name}", file=sys.stderr)
            cost.build(fleet)
        for block in range(blocks):
            print(f"\rblock {block + 1} of {blocks}", end="", file=sys.stderr)
            for fleet in fleets:
                cost.measure(fleet)
        print(file=sys.stderr)
    by_name = {fleet.name: fleet for fleet in fleets}
    print(f"server time of reserve, median of {blocks} blocks of {BLOCK} calls, fleets by turns")
    for fleet in fleets:
        print(f"  {fleet.name:14} {fleet.reserve_us:8.2f} µs")
    summary: dict[str, Any] = {"calls": blocks * BLOCK}
    for name, (one, other, bound) in _RATIOS.items():
        ratio = round(by_name[one].reserve_us / by_name[other].reserve_us, 3)
        print(f"  {name:30} {ratio:6.3f}   at most {bound}")
        summary[name] = ratio
    return summary | {"reserve_us": {fleet.name: fleet.reserve_us for fleet in fleets}}


def _measure_kill() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        report = NodeKill(Path(folder)).run()
    print("a node at load 0.8 is killed with -9")
    for name, value in report.items():
        print(f"  {name:30} {value}")
    return report


if __name__ == "__main__":
    main()
