"""``make profile``: flame graphs of the web process and the worker under load, and what they consist of.

Pictures go to ``docs/performance/``; printed are the functions in which most time was spent, and by the parts
of the system how much of it. py-spy samples from outside: it must be allowed to (root, or ptrace_scope 0).
"""

import argparse
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from bench.generators import generator, nodes
from bench.script_times import print_script_times
from bench.systems import Ours
from bench.usage import own_cpu_s, tree

_OUTPUT = Path(__file__).parents[1] / "docs" / "performance"
_WARM_S = 2.0
_RATE = 500
_TOP = 25
#: What a function's file says of the part it plays, the first that fits.
_PARTS = (
    ("Hub.run (gevent/hub.py", "loop, or waiting"), ("_epoll.poll (kombu", "loop, or waiting"),
    ("(scheduling/store/", "link"), ("(redis/", "link"), ("(scheduling/messages/", "validation"),
    ("(pydantic", "validation"), ("(json/", "JSON"), ("(web/frames.py", "socket"),
    ("(web/inbound.py", "socket"), ("(web/outbound.py", "socket"), ("(web/connection.py", "socket"),
    ("(gevent/", "socket"), ("(gunicorn/", "socket"), ("(kombu/", "Celery"), ("(celery/", "Celery"),
    ("(vine/", "Celery"), ("(billiard/", "Celery"), ("(web/publisher.py", "Celery"), ("(tasks/", "Celery"),
    ("(scheduling/ledger/", "ledger calls"), ("(scheduling/", "domain"), ("(web/", "web"),
)  # fmt: skip


def main() -> None:
    """Profile each flow."""
    parser = argparse.ArgumentParser(prog="make profile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each recording")
    parser.add_argument("--only", nargs="+", choices=FLOWS, default=list(FLOWS))
    parser.add_argument("--output", type=Path, default=_OUTPUT, help="folder of the pictures")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything started is ended
    args.output.mkdir(parents=True, exist_ok=True)
    if "roundtrip" in args.only:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            ours = Ours(stack, folder / "system")
            print_script_times(ours, stack.enter_context(nodes(ours)), args.seconds)
    for flow in args.only:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            ours = Ours(stack, folder / "system")
            stack.enter_context(FLOWS[flow](ours, 60 + 10 * args.seconds))
            for part in ("web", "worker-drain") if flow == "roundtrip" else ("web",):
                _record(ours, part, args.seconds, args.output / f"{flow}-{part}.svg", folder)


@contextmanager
def _round_trips(ours: Ours, seconds: float) -> Iterator[None]:
    options = {"ports": ours.ports, "clients": 200, "seconds": seconds, "warm_s": _WARM_S}
    with nodes(ours), generator("clients", **options) as clients:
        clients.wait(b"begin")
        yield


@contextmanager
def _heartbeats(ours: Ours, seconds: float) -> Iterator[None]:
    options = {"port": ours.ports[0], "answer": "pong", "seconds": seconds, "warm_s": _WARM_S}
    with generator("beats", **options) as beats:
        beats.wait(b"begin")
        yield


@contextmanager
def _speech(ours: Ours, seconds: float) -> Iterator[None]:
    options = {"port": ours.ports[0], "steps": 300, "ramp_s": seconds, "service_ms": 300}
    with nodes(ours, nodes=40, service_ms=300), generator("speakers", **options):
        yield


FLOWS: dict[str, Callable[[Ours, float], AbstractContextManager[None]]] = {
    "roundtrip": _round_trips,
    "heartbeats": _heartbeats,
    "speech": _speech,
}


def _record(ours: Ours, part: str, seconds: float, picture: Path, folder: Path) -> None:
    """Record each process of a part that works: a server's master only waits for its workers."""
    for number, pid in enumerate(_busy(ours.pids(part)), 1):
        each = picture.with_stem(f"{picture.stem}-{number}") if number > 1 else picture
        _record_process(pid, seconds, each, folder)


def _busy(pids: list[int]) -> list[int]:
    """Give the processes that used the processor's time in the last second, the busiest first."""
    members = [pid for first in pids for pid in tree(first)]
    before = {pid: own_cpu_s(pid) for pid in members}
    time.sleep(1)
    used = {pid: own_cpu_s(pid) - before[pid] for pid in members}
    members.sort(key=lambda pid: -used[pid])
    return [pid for pid in members if used[pid] > sum(used.values()) / 10] or members[:1]


def _record_process(pid: int, seconds: float, picture: Path, folder: Path) -> None:
    stacks = folder / f"{picture.stem}.txt"
    before = own_cpu_s(pid)
    for form, output in (("raw", stacks), ("flamegraph", picture)):
        words = ["py-spy", "record", "--pid", str(pid), "--duration", f"{seconds:.0f}", "--rate", str(_RATE)]
        # The command becomes the picture's title, where the folders of a machine have no place.
        words += ["--format", form, "--output", output.name]
        subprocess.run(words, check=True, capture_output=True, cwd=output.parent)
    share = (own_cpu_s(pid) - before) / (2 * seconds)
    print(f"\n{picture.name}: {share:.2f} of a core while recorded")
    report(stacks.read_text().splitlines())


def report(stacks: list[str]) -> None:
    """Print parts, and functions by their own time and by that of all they called, from collapsed stacks."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    for line in stacks:
        frames, _, number = line.rpartition(" ")
        names = [frame.rpartition(":")[0] + ")" if ":" in frame else frame for frame in frames.split(";")]
        own[names[-1]] += int(number)
        for name in set(names):
            whole[name] += int(number)
        parts[part_of(names)] += int(number)
    total = max(1, sum(own.values()))
    print("  parts: " + ", ".join(f"{part} {100 * n / total:.0f}%" for part, n in parts.most_common()))
    for title, counted in (("own time", own), ("with all they called", whole)):
        print(f"  {title}:")
        for name, count in counted.most_common(_TOP):
            print(f"    {100 * count / total:5.1f}%  {name}")


def part_of(names: list[str]) -> str:
    """Give the part that the innermost frame of a known one plays."""
    for name in reversed(names):
        for words, part in _PARTS:
            if words in name:
                return part
    return "others"


if __name__ == "__main__":
    main()
