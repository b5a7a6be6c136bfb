"""``make chaos``, ``make chaos-long``, ``make deploy-test``: see the package.

The last line is JSON. The exit status is 1 unless nothing was lost, duplicated, out of order, leaked or
over-committed, at most 1 % of the utterances ended in an error, each explained by a fault, and everybody had
a result again in 15 s.
"""

import argparse
import sys
from math import inf
from pathlib import Path

from bench.chaos.run import Plan, Run
from bench.chaos.schedule import Fault, draw, load, rolling

#: Between the beginnings of two rolling restarts, s.
_ROUND_S = 20.0


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=105.0, help="how long people speak")
    parser.add_argument("--sessions", type=int, default=50, help="sessions at any time")
    parser.add_argument("--seed", type=int, default=5, help="what is broken when is drawn from it")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="a schedule that an earlier run kept")
    parser.add_argument("--rolling", type=int, metavar="N", help="N rolling restarts instead of faults")
    parser.add_argument("--appendfsync", choices=("always", "everysec"), default="always")
    parser.add_argument("--keep-logs", action="store_true", help="keep the logs of a good run as well")
    args = parser.parse_args()
    faults = _faults(args)
    last_s = max((fault.at_s for fault in faults), default=0.0)
    seconds = max(0.0 if args.rolling else args.seconds, last_s)
    # Of rolling restarts and of what is replayed nothing is left out, however long it takes.
    until_s = inf if args.rolling or args.replay else seconds
    plan = Plan(faults, seconds, args.sessions, args.seed, args.appendfsync, until_s, args.keep_logs)
    sys.exit(Run(plan).run())


def _faults(args: argparse.Namespace) -> list[Fault]:
    if args.replay:
        return load(args.replay)
    if args.rolling is not None:
        return rolling(args.rolling, _ROUND_S)
    return draw(args.seed, args.seconds)


if __name__ == "__main__":
    main()
