"""What the commands of one utterance take in the server by themselves: no placement, no logic.

An utterance is carried through its scripts while the server tells each command that they call (MONITOR).
The same commands, word for word, then run as scripts that do nothing else, each time with records of their
own: the job's id, which is part of their names, is an argument. What they would have to decide, and to work
out of each other's replies, they are told: a floor.
"""

import re
import socket
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from urllib.parse import urlsplit
from uuid import uuid4

from bench.laden.records import Deciding
from scheduling.store.plain import PlainStore

_NODES = 20
_WARM = 50
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_OUT_ID = re.compile(rb"^\d+-\d+$")
_END = "that was it"


class Floor:
    """One cell with nodes, on a server of its own."""

    def __init__(self, store: PlainStore, url: str, body: str) -> None:
        self._store, self._url, self._body = store, url, body
        self._records = Deciding(store)
        self._numbers = count()
        self._job = ""
        for number in range(_NODES):
            self._records.register(f"node-{number}")
        self._records.open("bench")
        for _ in range(_WARM):
            self.carry()

    def carry(self) -> None:
        """Carry one utterance from `reserve` to the client's stream."""
        self._job = uuid4().hex
        node_id, order = self._records.reserve("bench", next(self._numbers), self._job, self._body)
        self._records.complete(node_id, self._job, self._body)
        self._records.release([("bench", self._job, order)])

    def utterance_us(self, number: int = 2000) -> float:
        """Give the server time of the scripts of one utterance, µs, in the mean of so many."""
        self._store.command("CONFIG", "RESETSTAT")
        for _ in range(number):
            self.carry()
        return self._scripts_us() / number

    def commands_us(self, scripts: list[list[str]], times: int = 2000) -> float:
        """Give the server time of an utterance's commands without anything else, µs."""
        known = [self._store.command("SCRIPT", "LOAD", "\n".join([*lines, "return 1"])) for lines in scripts]
        self._store.command("CONFIG", "RESETSTAT")
        for _ in range(times):
            job = uuid4().hex
            for digest in known:
                self._store.command("EVALSHA", digest, 0, job)
        return self._scripts_us() / times

    def _scripts_us(self) -> float:
        stats = self._store.command("INFO", "commandstats").decode().splitlines()
        line = next(line for line in stats if line.startswith("cmdstat_evalsha:"))
        found = dict(part.split("=") for part in line.partition(":")[2].split(","))
        return float(found["usec"])

    def record(self) -> Iterator[list[str]]:
        """Give the Lua lines of each script of one utterance: to reserve, to complete, to release.

        Where they name the job, they take its id from ``ARGV[1]``.
        """
        lines: list[str] = []
        for line in self._watch():
            words = [_bytes(word) for word in _QUOTED.findall(line)]
            if words and words[0].upper() == b"EVALSHA" and lines:
                yield lines
                lines = []
            if " lua]" in line:
                told = (_lua(word, self._job.encode()) for word in _repeatable(words))
                lines.append(f"redis.call({', '.join(told)})")
        yield lines

    def _watch(self) -> list[str]:
        """Have the server tell what one utterance makes it do."""
        where = urlsplit(self._url)
        with closing(
            socket.create_connection((where.hostname or "", where.port or 0), timeout=30)
        ) as monitor:
            monitor.sendall(b"MONITOR\r\n")
            told = monitor.makefile("r", encoding="latin-1")
            told.readline()
            self.carry()
            self._store.command("ECHO", _END)
            return list(iter(lambda: _unless_end(told.readline()), ""))


def _unless_end(line: str) -> str:
    return "" if _END in line else line


def _bytes(quoted: str) -> bytes:
    """Undo the quoting of MONITOR."""
    return quoted.encode("latin-1").decode("unicode_escape").encode("latin-1")


def _lua(word: bytes, job: bytes) -> str:
    """Give a word as Lua has it, with the job's id as an argument."""
    plain = bytes(range(32, 127)).replace(b"'", b"").replace(b"\\", b"")
    parts = (
        "'" + "".join(chr(byte) if byte in plain else f"\\{byte:03d}" for byte in part) + "'"
        for part in word.split(job)
    )
    return "..ARGV[1]..".join(parts)


def _repeatable(words: list[bytes]) -> list[bytes]:
    """Have a command do the second time what it did the first.

    An entry whose id would be refused gets a stream of its own.
    """
    if words[0].upper() == b"XADD" and b"*" not in words:
        return [
            words[0],
            words[1] + b":floor",
            *(b"*" if _OUT_ID.match(word) else word for word in words[2:]),
        ]
    return words
