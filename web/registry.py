"""The open connections of this process: to count them, reach them, and end them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import gevent
from gevent.event import Event

from web.connection import Connection


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes on the wire and whole messages, from the server's side."""

    bytes_in: int = 0
    bytes_out: int = 0
    messages_in: int = 0
    messages_out: int = 0

    def plus(self, one: Connection) -> Traffic:
        """Add what one connection has carried so far."""
        return Traffic(
            self.bytes_in + one.bytes_in,
            self.bytes_out + one.bytes_out,
            self.messages_in + one.messages_in,
            self.messages_out + one.messages_out,
        )


class Registry:
    """Every connection between its handshake and its end; `close_codes` counts how earlier ones ended."""

    def __init__(self) -> None:
        self.close_codes: Counter[int] = Counter()
        self.retry_after_s: float | None = None
        self._open: dict[Connection, None] = {}  # in the order of connecting
        self._ended = Traffic()
        self._empty = Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Connection]:
        """Iterate over those open now; connections may come and go meanwhile."""
        return iter(list(self._open))

    def add(self, connection: Connection) -> None:
        """Note a connection whose handshake is done."""
        self._open[connection] = None
        self._empty.clear()

    def discard(self, connection: Connection) -> None:
        """Forget a connection that has ended, keeping its counts; harmless when it is unknown."""
        if connection not in self._open:
            return
        del self._open[connection]
        self._ended = self._ended.plus(connection)
        self.close_codes[int(connection.close_reason)] += 1
        if not self._open:
            self._empty.set()

    def traffic(self) -> Traffic:
        """Sum up all connections, open and ended."""
        total = self._ended
        for connection in self._open:
            total = total.plus(connection)
        return total

    def refuse(self, retry_after_s: float) -> None:
        """Let no connection in from now on: handshakes are answered 503 with this `Retry-After`."""
        self.retry_after_s = retry_after_s

    def close_all(self, code: int, message: Callable[[float], str], spread_s: float = 0.0) -> int:
        """Close those open now, evenly spread over `spread_s`, and return how many that were.

        `message` gets each one's place among them, from 0 to below 1, so that each can be told another time
        to come back. Goodbyes are queued, not yet written: `wait_empty` waits for that.
        """
        connections = list(self)
        for number, connection in enumerate(connections):
            connection.close(code, message(number / len(connections)))
            gevent.sleep(spread_s / len(connections))
        return len(connections)

    def wait_empty(self, timeout_s: float | None = None) -> bool:
        """Wait until every connection has ended; False when some have not in time."""
        return bool(self._empty.wait(timeout_s))
