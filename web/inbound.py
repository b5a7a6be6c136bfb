"""What comes from a socket: read by the greenlet that wants it, into one buffer that all connections share.

Nothing is read ahead of a handler beyond 64 KiB, so TCP is the back-pressure; an idle connection has no
buffer.
"""

from __future__ import annotations

import fcntl
import struct
import termios
import time
from collections.abc import Callable
from ssl import SSLWantReadError

import gevent
from gevent.socket import socket

from web.frames import Close, Event, FrameError, FrameReader
from web.waiting import READABLE, wait_for, wake

#: No switch of greenlets comes between filling and emptying it, so one is enough.
_RECEIVED = memoryview(bytearray(64 * 1024))
_NOTHING = _RECEIVED[:0]

#: Events of one read given out before other greenlets have a turn; 64 KiB may hold ten thousand messages.
BURST = 64


class HungUp(Exception):
    """The peer's TCP connection has ended."""


class Inbound:
    """Frames from one peer; the socket must be non-blocking. One greenlet at a time may wait here."""

    def __init__(
        self, sock: socket, limit_bytes: int, inflate: Callable[[bytes, int], bytes] | None = None
    ) -> None:
        self._sock = sock
        self._reader = FrameReader(limit_bytes, inflate)
        self._hub = gevent.get_hub()
        self._readable = self._hub.loop.io(sock.fileno(), READABLE)
        self._tls_pending: Callable[[], int] = getattr(sock, "pending", _never_pending)
        self._given = 0
        self.last_seen_s = time.monotonic()
        self.bytes_in = 0

    def limit(self, limit_bytes: int) -> None:
        """Take messages of so many bytes from now on, those not looked at yet included."""
        self._reader.limit_bytes = limit_bytes

    def next(self) -> Event | None:
        """Parse the next event of what has been read, None when there is no whole one; raises FrameError."""
        if self._given >= BURST:
            self._given = 0
            gevent.sleep(0)
        self._given += 1
        return self._reader.next()

    def fill(self, timeout_s: float | None = None) -> bool:
        """Wait for bytes and read them; False when the time is over first, or `wake` was called.

        Raises HungUp. With a time-out of 0 it only looks. Otherwise it waits before it reads even when bytes
        are there: so a busy peer gives the others a turn, and an idle one costs a system call less.
        """
        if timeout_s != 0 and not self._tls_pending() and not wait_for(self._hub, self._readable, timeout_s):
            return False
        self._given = 0
        received = self._read()
        self._reader.feed(received)
        return bool(received) or timeout_s != 0

    def drain(self, timeout_s: float, *, parse: bool) -> None:
        """Read and drop until the peer's close frame (when `parse`) or its end, or until the time is over.

        Closing a socket with unread bytes resets it, and a reset overtakes our close frame: the peer would
        not learn why it was closed.
        """
        deadline_s = time.monotonic() + timeout_s
        try:
            while not (parse and self._has_close()) and (left_s := deadline_s - time.monotonic()) > 0:
                if self._tls_pending() or wait_for(self._hub, self._readable, left_s):
                    received = self._read()
                    if parse:
                        self._reader.feed(received)
        except (FrameError, HungUp):
            return

    def unread_bytes(self) -> int:
        """Count what the kernel holds for us; 0 where it does not say."""
        try:
            return int(struct.unpack("i", fcntl.ioctl(self._sock.fileno(), termios.FIONREAD, bytes(4)))[0])
        except OSError:
            return 0

    def wake(self) -> None:
        """End another greenlet's `fill`."""
        wake(self._hub, self._readable)

    def close(self) -> None:
        """Stop watching the socket; must come before it is closed."""
        self._readable.close()

    def _read(self) -> memoryview:
        try:
            size = self._sock.recv_into(_RECEIVED)
        except (BlockingIOError, SSLWantReadError):
            return _NOTHING
        except OSError as error:
            raise HungUp(f"Reading failed: {error}") from error
        if size == 0:
            raise HungUp("The peer hung up without a close frame")
        self.last_seen_s = time.monotonic()
        self.bytes_in += size
        return _RECEIVED[:size]

    def _has_close(self) -> bool:
        while (event := self.next()) is not None:
            if isinstance(event, Close):
                return True
        return False


def _never_pending() -> int:
    """Stand in for `SSLSocket.pending`: only TLS holds bytes that the kernel no longer has."""
    return 0
