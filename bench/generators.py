"""Starts load generators beside a system, and puts together what both say."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from subprocess import PIPE, Popen, TimeoutExpired
from typing import IO, Any

from bench.systems import Ours, System
from bench.usage import own_cpu_s
from bench.window import Between

_END_S = 30.0
#: Of so many jobs each node has had its share.
_JOBS_FOR_ALL = 2000


#: Generators that stand for other machines give way to the system where times are measured, not rates.
_GIVING_WAY = 10


class Generator:
    """One generator process; options are those of its command line, by name.

    One that gives way runs at a lower priority: what it asks for is then not in the way of what answers it.
    """

    def __init__(self, module: str, *, gives_way: bool = False, **options: Any) -> None:
        words = [sys.executable, "-m", f"bench.load.{module}"]
        if gives_way:
            words = ["nice", "-n", str(_GIVING_WAY), *words]
        for name, value in options.items():
            values = value if isinstance(value, list) else [value]
            words += [f"--{name.replace('_', '-')}", *(str(each) for each in values)]
        self._name = module
        self.gives_way = gives_way
        self.process = Popen(words, stdout=PIPE)

    @property
    def _output(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def line(self) -> bytes:
        """Wait for its next line. Ends the program when it has ended instead, having said why."""
        line = self._output.readline()
        if not line:
            raise SystemExit(f"the generator {self._name} ended with {self.process.wait()}")
        return line.strip()

    def wait(self, word: bytes) -> None:
        """Wait until it says that something has begun."""
        said = self.line()
        if said != word:
            raise SystemExit(f"the generator {self._name} said {said!r}, not {word!r}")

    def report(self) -> dict[str, Any]:
        """Wait for what it tells at its end."""
        return dict(json.loads(self.line()))

    def reports(self) -> Iterator[dict[str, Any]]:
        """Give all that it tells until it ends."""
        for line in self._output:
            yield dict(json.loads(line))

    def begin(self) -> None:
        """Have it count anew."""
        self.process.send_signal(signal.SIGUSR1)

    def end(self) -> None:
        """Ask it to end, or make it."""
        self.process.terminate()
        try:
            self.process.wait(_END_S)
        except TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._output.close()


@contextmanager
def generator(module: str, **options: Any) -> Iterator[Generator]:
    """Run a generator; it is ended."""
    made = Generator(module, **options)
    try:
        yield made
    finally:
        made.end()


@contextmanager
def nodes(system: System, **options: Any) -> Iterator[Generator]:
    """Run nodes that are registered when the body begins."""
    with generator("nodes", ports=system.ports, **options) as made:
        made.wait(b"up")
        yield made


@dataclass
class Used:
    """What a system and the generator of its nodes have used so far."""

    cpu_s: dict[str, float]
    commands: dict[str, int]
    nodes_s: float

    @classmethod
    def look(cls, system: System, with_nodes: Generator) -> "Used":
        """Look now."""
        return cls(system.cpu_s(), system.commands(), own_cpu_s(with_nodes.process.pid))


def speak(system: System, with_nodes: Generator, **options: Any) -> dict[str, Any]:
    """Have clients speak; gives their report, and what the system did meanwhile.

    That is the processor time of each part (``cpu_s``, s), the ``commands`` of its server, and for our own
    system its counters (``between``). Ends the program when an utterance failed: a rate of errors is none.
    """
    with generator("clients", ports=system.ports, gives_way=with_nodes.gives_way, **options) as clients:
        clients.wait(b"begin")
        with_nodes.begin()
        first, before = _counters(system), Used.look(system, with_nodes)
        report = clients.report()
        after, last = Used.look(system, with_nodes), _counters(system)
    if report["errors"] or report["lost"]:
        raise SystemExit(f"{report['errors']} utterances failed, {report['lost']} sockets: {report}")
    return {
        **report,
        "cpu_s": {part: spent - before.cpu_s[part] for part, spent in after.cpu_s.items()},
        "commands": {name: n - before.commands.get(name, 0) for name, n in after.commands.items()},
        "nodes_cpu_share": (after.nodes_s - before.nodes_s) / report["seconds"],
        "between": Between(first, last),
    }


def _counters(system: System) -> dict[str, Any]:
    return system.process() if isinstance(system, Ours) else {}


def told(with_nodes: Generator) -> dict[str, Any]:
    """End the nodes, and give what they counted since the clients began."""
    with_nodes.process.terminate()
    report = with_nodes.report()
    if report["lost"] or (report["nodes_without_jobs"] and report["jobs"] > _JOBS_FOR_ALL):
        raise SystemExit(f"nodes had no part in the load: {report}")
    return report
