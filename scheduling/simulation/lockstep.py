"""Many simulations over one connection: each runs until it asks, then all are asked in one round trip.

Virtual time waits for nobody, so a simulation would spend most of its own in round trips. Those of several
seeds know nothing of each other (each has a cell of its own) and can share them.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import hiredis
from greenlet import getcurrent, greenlet

from scheduling.errors import StoreUnavailable
from scheduling.scripts import Script, load_all
from scheduling.store.base import Part, Parts
from scheduling.store.endpoint import Endpoint
from scheduling.store.plain import PlainStore
from scheduling.store.replies import error_for
from scheduling.store.wire import by_digest, pack

T = TypeVar("T")

_TIMEOUT_S = 60.0
_CHUNK = 2**18


class LockstepStore(PlainStore):
    """The store of one simulation; its calls of scripts travel with those of the others.

    Use it for calls only inside `run_together`. Commands make round trips of their own.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url, timeout_s=_TIMEOUT_S, client_name="speech-dispatch-simulate")
        self._first: list[bytes] = []
        self._inbox = ""
        self._unread = 0

    def listen(self, inbox: str) -> None:
        """Notice what comes into a stream with each call from now on."""
        self._inbox = inbox

    def heard(self) -> list[dict[bytes, bytes]]:
        """Take what came into the stream until the last call ended."""
        if not self._unread:
            return []
        entries, _ = self.ask(("XRANGE", self._inbox, "-", "+"), ("DEL", self._inbox))
        self._unread = 0
        return [dict(zip(words[::2], words[1::2], strict=True)) for _, words in entries]

    def before(self, *parts: Part) -> None:
        """Send a command along with the next call, ahead of it; nobody looks at its reply."""
        self._first.append(pack(parts))

    def call(
        self, script: Script, keys: Parts = (), args: Parts = (), *, timeout_s: float | None = None
    ) -> Any:
        """See `Store.call`."""
        reply, self._unread = self.ask(by_digest(script, keys, args), ("XLEN", self._inbox))
        return _checked(reply, script)

    def ask(self, *commands: Sequence[Part]) -> list[Any]:
        """Send commands and give their replies, errors among them."""
        first, self._first = self._first, []
        packed = [*first, *(pack(parts) for parts in commands)]
        return list(_hub().switch(packed)[len(first) :])


def run_together(url: str, simulations: Sequence[Callable[[], T]]) -> list[T]:
    """Run simulations that ask through a `LockstepStore`, and give what each returns.

    Raises what one of them raises, and `StoreUnavailable`.
    """
    connection = Endpoint(url, client_name="speech-dispatch-simulate").open(_TIMEOUT_S)
    try:
        line = _Line(connection._get_socket())
        line.exchange([pack(("SCRIPT", "LOAD", script.source)) for script in load_all().values()])
        return _run(line, simulations)
    finally:
        connection.disconnect()


def _run(line: "_Line", simulations: Sequence[Callable[[], T]]) -> list[T]:
    results: dict[int, T] = {}
    running = {number: greenlet(simulate) for number, simulate in enumerate(simulations)}
    told: dict[int, tuple[list[Any], ...]] = dict.fromkeys(running, ())
    while running:
        asked: dict[int, list[bytes]] = {}
        for number, simulation in [*running.items()]:
            said = simulation.switch(*told[number])
            if simulation.dead:
                results[number] = said
                del running[number]
            else:
                asked[number] = said
        answers = iter(line.exchange([packed for commands in asked.values() for packed in commands]))
        told = {number: ([next(answers) for _ in commands],) for number, commands in asked.items()}
    return [results[number] for number in range(len(simulations))]


def _hub() -> greenlet:
    hub = getcurrent().parent
    assert hub is not None, "a LockstepStore is asked inside run_together only"
    return hub


def _checked(reply: Any, script: Script) -> Any:
    if isinstance(reply, hiredis.ReplyError):
        raise error_for(str(reply), script)
    return reply


class _Line:
    """A connection on which many commands go out in one write."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._reader = hiredis.Reader()

    def exchange(self, packed: list[bytes]) -> list[Any]:
        """Send and give the replies; raises `StoreUnavailable`."""
        replies: list[Any] = []
        try:
            self._sock.sendall(b"".join(packed))
            while len(replies) < len(packed):
                data = self._sock.recv(_CHUNK)
                if not data:
                    raise ConnectionError("the server closed the connection")
                self._reader.feed(data)
                while (reply := self._reader.gets()) is not False:
                    replies.append(reply)
        except OSError as error:
            raise StoreUnavailable(str(error)) from error
        return replies
