"""``make ledger-run``: millions of random operations on the ledger, checked by books that know nothing of it.

Many small cells walk in step, two processes side by side, each with a Valkey of its own. Calls come late,
twice, from nodes that lost the job, or never; nodes come, change, fail, rest, drain, fall silent and go; time
jumps. The last line is JSON; the exit code is 1 when anything was wrong.
"""

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.ledger_walk import Found, Walk
from bench.processes import valkey
from scheduling.simulation.lockstep import run_together
from scheduling.store.plain import PlainStore

_CELLS = 48
_STEPS = 1500
_PROCESSES = 2


def main() -> None:
    """Walk, report, exit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ops", type=int, default=10_000_000, help="operations in all")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    began_s = time.monotonic()
    total = Found()
    with ProcessPoolExecutor(_PROCESSES) as pool:
        share = args.ops // _PROCESSES
        for found in pool.map(
            walk_many, [share] * _PROCESSES, [args.seed + n * 10**6 for n in range(_PROCESSES)]
        ):
            total.add(found)
    elapsed_s = time.monotonic() - began_s
    summary = {
        "ops": total.ops, "seed": args.seed, "over_commit": total.over_commit, "leaks": total.leaks,
        "idle_while_waiting": total.idle_while_waiting, "other_answers": total.other_answers,
        "ops_per_s": round(total.ops / elapsed_s), "elapsed_s": round(elapsed_s, 1),
    }  # fmt: skip
    print(json.dumps(summary))
    wrong = total.over_commit + total.leaks + total.idle_while_waiting + total.other_answers
    sys.exit(1 if wrong else 0)


def walk_many(ops: int, seed: int) -> Found:
    """Walk until so many operations are done, over ever new cells; seeds follow each other."""
    total = Found()
    with tempfile.TemporaryDirectory() as folder, valkey(Path(folder)) as url, PlainStore(url) as store:
        while total.ops < ops:
            left = min(_STEPS, max(50, (ops - total.ops) // _CELLS))
            walks = [Walk(url, f"w{cell}", seed + cell, left) for cell in range(_CELLS)]
            for found in run_together(url, [walk.run for walk in walks]):
                total.add(found)
            seed += _CELLS
            store.command("FLUSHALL")
            print(f"{total}", file=sys.stderr)
    return total


if __name__ == "__main__":
    main()
