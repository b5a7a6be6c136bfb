"""One greenlet that pings every connection of the process, and finds those that died without a word."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from typing import Protocol

import gevent

#: Routers of hosting platforms cut a socket that is silent for 55 s, so two pings must fit in that.
PING_INTERVAL_S = 20.0

_log = logging.getLogger(__name__)


class Pinged(Protocol):
    """What the pinger needs of a connection."""

    def keep_alive(self, now_s: float, interval_s: float) -> None:
        """Ping, or close when silent for too long."""


class Keepalive:
    """Calls `keep_alive` of each connection once an interval, counted from when it was added.

    They come in the order in which they connected, so a thousand that reconnect within a second are pinged
    within a second too; no jitter is needed. The greenlet lives while there is a connection.
    """

    def __init__(self, interval_s: float = PING_INTERVAL_S) -> None:
        self.interval_s = interval_s
        self._due_s: OrderedDict[Pinged, float] = OrderedDict()  # soonest first
        self._pinger: gevent.Greenlet[[], None] | None = None

    def add(self, connection: Pinged) -> None:
        """Ping this connection from now on."""
        self._due_s[connection] = time.monotonic() + self.interval_s
        if self._pinger is None:
            self._pinger = gevent.spawn(self._run)

    def discard(self, connection: Pinged) -> None:
        """Leave this connection alone; harmless when it is unknown."""
        self._due_s.pop(connection, None)

    def _run(self) -> None:
        while self._due_s:
            # Waking for each of thousands costs more than pinging a few of them a little late.
            gevent.sleep(max(next(iter(self._due_s.values())) - time.monotonic(), self.interval_s / 100))
            self._ping_due(time.monotonic())
        self._pinger = None

    def _ping_due(self, now_s: float) -> None:
        while self._due_s:
            connection, due_s = next(iter(self._due_s.items()))
            if due_s > now_s:
                return
            self._due_s[connection] = now_s + self.interval_s
            self._due_s.move_to_end(connection)
            # So late, this process was stopped itself: peers had no ping to answer and are judged as of then.
            self._ping(connection, now_s if now_s - due_s < self.interval_s else due_s)

    def _ping(self, connection: Pinged, now_s: float) -> None:
        try:
            connection.keep_alive(now_s, self.interval_s)
        except Exception:  # noqa: BLE001 (one bad connection must not leave all others without pings)
            _log.exception("A connection could not be pinged; the others go on")
