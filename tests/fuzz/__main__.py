"""``make fuzz``: every target for a time; prints what was tried and found, and keeps what broke something."""

import argparse
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

from tests.fuzz import server
from tests.fuzz.targets import TARGETS
from tests.valkey import Valkey
from tests.warm import forge, run

#: An input that takes longer hangs, s; a process that has more leaks, MB.
_HANG_S = 10
_MOST_MB = 1024
_LONGEST = 8192
_GRACE_S = 180


@dataclass(frozen=True)
class Found:
    """What came of one target."""

    name: str
    inputs: int
    edges: int
    peak_mb: int
    fault: str
    """The last lines of its output; empty where nothing was found."""


def main() -> None:
    """Fuzz what was asked for."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="for each target")
    parser.add_argument("--only", nargs="+", choices=TARGETS, help="targets; all unless stated")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="corpus and findings")
    parser.add_argument("--jobs", type=int, default=2, help="targets at once")
    args = parser.parse_args()
    names = args.only or list(TARGETS)
    print(f"{'target':20} {'inputs':>10} {'per s':>8} {'edges':>7} {'peak MB':>8}  found", flush=True)
    forge("tests.fuzz.one")  # once for all: to import with instruments takes longer than many a target
    with ThreadPoolExecutor(args.jobs) as pool:
        results = []
        for result in pool.map(lambda name: fuzz(name, args.seconds, args.folder / name), names):
            _tell(result, args.seconds)
            results.append(result)
    faults = [result for result in results if result.fault]
    total = sum(result.inputs for result in results)
    print(f"{total:,} inputs in {args.seconds} s for each of {len(results)} targets, {len(faults)} findings")
    for result in faults:
        print(f"\n{result.name}: what broke it is in {args.folder / result.name}\n{result.fault}")
    sys.exit(1 if faults else 0)


def fuzz(name: str, seconds: int, folder: Path) -> Found:
    """Fuzz one target in a process of its own."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in TARGETS[name].seeds():
        (corpus / sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    options = (
        f"-max_total_time={seconds}", f"-timeout={_HANG_S}", f"-rss_limit_mb={_MOST_MB}",
        f"-max_len={_LONGEST}", "-print_final_stats=1", f"-artifact_prefix={folder}/", str(corpus),
    )  # fmt: skip
    with ExitStack() as leaving:
        environment = dict(os.environ)
        if TARGETS[name].needs_server:
            environment[server.NAME] = leaving.enter_context(Valkey()).url
        done = run("tests.fuzz.one", name, *options, env=environment, timeout_s=seconds + _GRACE_S)
    said = done.stderr + done.stdout
    fault = "\n".join(said.splitlines()[-30:]) if done.returncode else ""
    return Found(
        name, _last(r"number_of_executed_units:\s*(\d+)", said), _last(r"cov: (\d+)", said),
        _last(r"peak_rss_mb:\s*(\d+)", said), fault,
    )  # fmt: skip


def _last(pattern: str, said: str) -> int:
    found = re.findall(pattern, said)
    return int(found[-1]) if found else 0


def _tell(result: Found, seconds: int) -> None:
    found = "a fault" if result.fault else "nothing"
    rate = result.inputs / max(1, seconds)
    print(
        f"{result.name:20} {result.inputs:>10,} {rate:>8,.0f} {result.edges:>7} {result.peak_mb:>8}  {found}",
        flush=True,
    )


if __name__ == "__main__":
    main()
