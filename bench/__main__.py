"""``make bench``: our system and its peers in one run on this machine; prints a table, writes the results."""

import argparse
import json
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from bench import summary, table
from bench.facts import machine, settings_of_the_run
from bench.measures.bench import Bench
from bench.measures.half_load import measure_half_load, measure_next_job
from bench.measures.heartbeats import measure_heartbeats
from bench.measures.limits import measure_records
from bench.measures.reserve import measure_reserve
from bench.measures.roundtrip import measure_round_trips
from bench.measures.scaling import measure_scaling
from bench.measures.sockets import measure_idle, measure_speaking
from bench.peers.start import PEERS, prepare_bullmq
from bench.plan import PLANS
from bench.steadiness import work_ms

#: Pieces of work that are timed before each group.
_PIECES = 10
RESULTS = Path(__file__).parent / "results" / "latest.json"
GROUPS: dict[str, Callable[[Bench], None]] = {
    "roundtrip": measure_round_trips,
    "records": measure_records,
    "heartbeats": measure_heartbeats,
    "flows": measure_half_load,
    "next-job": measure_next_job,
    "scaling": measure_scaling,
    "reserve": measure_reserve,
    "idle": measure_idle,
    "speaking": measure_speaking,
}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=GROUPS, help="groups of rows; all unless stated")
    parser.add_argument("--peers", nargs="*", choices=PEERS, help="peers; all that can be had unless stated")
    parser.add_argument("--plan", choices=PLANS, default="full", help="how much is measured")
    parser.add_argument(
        "--quick", dest="plan", action="store_const", const="quick", help="tiny counts, to try the machinery"
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the results are written")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything started is ended
    began_s = time.monotonic()
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(PLANS[args.plan], Path(folder), ())
        bench.peers = _peers(bench, list(PEERS) if args.peers is None else args.peers)
        for group in args.only or GROUPS:
            print(f"{group} ({time.monotonic() - began_s:.0f} s)", file=sys.stderr, flush=True)
            for _ in range(_PIECES):
                bench.book.add("work_ms", work_ms())
            try:
                GROUPS[group](bench)
            except (SystemExit, Exception) as reason:  # noqa: BLE001 (the other rows are worth having)
                failed[group] = str(reason)
                print(f"{group} failed:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
    bench.book.facts["failed"] = failed
    print(table.text(bench.book), summary.text(bench.book), sep="\n\n")
    if args.plan == "quick":
        print("A quick run tries the machinery: its figures mean nothing.")
    seconds = round(time.monotonic() - began_s)
    _write(args.output, bench, seconds, args.plan)
    print(f"{seconds} s; {args.output}")
    if failed:
        sys.exit(f"not measured: {', '.join(failed)}")


def _peers(bench: Bench, wanted: list[str]) -> tuple[str, ...]:
    """Leave out what cannot be had, and say why."""
    if "bullmq" in wanted and (reason := prepare_bullmq()):
        bench.book.facts["bullmq"] = f"not measured: {reason}"
        bench.say(f"bullmq is left out: {reason}")
        wanted.remove("bullmq")
    return tuple(wanted)


def _write(path: Path, bench: Bench, seconds: int, plan: str) -> None:
    book = bench.book
    absolutes = {
        name: {"median": book.value(name), "spread": book.spread(name), "runs": values}
        for name, values in sorted(book.runs.items())
    }
    persistence = book.facts.pop("persistence", {})
    report = {
        "ratios": table.ratios(book), "plan_name": plan, "seconds": seconds, "rows": table.rows(book),
        "absolutes": absolutes, "facts": book.facts, "persistence": persistence, **machine(),
        **settings_of_the_run(bench.plan),
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
