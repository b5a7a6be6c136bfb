"""The one place that writes to a socket: a bounded queue, and a writer only while the kernel takes no more.

What is queued in one turn of the event loop goes out in one write at its end, by a callback, so an idle
connection has no writer greenlet (12 KB each). When the kernel's buffer is full, a greenlet waits for room,
writes the rest and ends. Data, pings, pongs and close frames all pass here: no two writes can mix.
"""

from __future__ import annotations

import fcntl
import struct
import termios
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event
from gevent.socket import socket

from web.waiting import WRITABLE, wait_for

if TYPE_CHECKING:
    from gevent._types import _IoWatcher as Watcher

#: Small frames are joined up to this many bytes a write; longer ones go out alone, uncopied.
COALESCE_BYTES = 64 * 1024

#: A queued frame counts as at least this many bytes of the limit, so a flood of tiny ones is bounded too.
LEAST_FRAME_BYTES = 64

_NOTHING = memoryview(b"")


class Outbound:
    """Frames on their way to one peer; the socket must be non-blocking.

    Safe from any greenlet of the socket's hub, and nothing here but `flush` waits. After a failure, told once
    through `on_lost(reason)`, frames are dropped.
    """

    def __init__(
        self, sock: socket, limit_bytes: int, write_timeout_s: float, on_lost: Callable[[str], None]
    ) -> None:
        self._sock = sock
        self._hub = gevent.get_hub()
        self._limit_bytes = limit_bytes
        self._write_timeout_s = write_timeout_s
        self._on_lost = on_lost
        self._frames: deque[bytes] = deque()
        self._rest = _NOTHING  # of a write the kernel took a part of
        self._busy = False  # a callback or a writer will look at the queue
        self._writer: gevent.Greenlet[[], None] | None = None
        self._drained: Event | None = None
        self.queued_bytes = 0
        self.bytes_out = 0
        self.lost = False

    def put(self, frame: bytes) -> bool:
        """Queue one whole frame; False, and nothing queued, when the peer is over its limit.

        The limit holds before the frame: a queue is at most the limit and one frame.
        """
        if self._is_full():
            return False
        self._append(frame)
        return True

    def put_last(self, frame: bytes, *, drop_queue: bool) -> None:
        """Queue the close frame, over any limit; `drop_queue` lets it overtake every frame not yet begun."""
        if drop_queue:
            self._frames.clear()
            self.queued_bytes = len(self._rest)
        self._append(frame)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until the kernel has taken all that is queued; False if it has not in time, or never will."""
        if self._busy and not self.lost:
            if self._drained is None:
                self._drained = Event()
            if not self._drained.wait(timeout_s):
                return False
        return not self.lost  # more may have been queued since; what was there has gone

    def drop(self) -> None:
        """Forget what is queued and take nothing more, for a peer that is gone."""
        self.lost = True
        self._frames.clear()
        self._rest, self.queued_bytes = _NOTHING, 0
        self._come_to_rest()

    def stop(self) -> None:
        """Drop what is queued and stop watching the socket; must come before it is closed."""
        self.drop()
        if self._writer is not None:
            self._writer.kill()

    def _append(self, frame: bytes) -> None:
        if self.lost:
            return
        self._frames.append(frame)
        self.queued_bytes += len(frame)
        if not self._busy:
            self._busy = True
            self._hub.loop.run_callback(self._end_of_turn)

    def _is_full(self) -> bool:
        """Judge once the kernel was offered what this turn has queued: a burst alone is not a slow peer."""
        if not self._is_over():
            return False
        if self._writer is None:
            self._write_or_lose()
        return self._is_over()

    def _is_over(self) -> bool:
        limit = self._limit_bytes
        return self.queued_bytes > limit or len(self._frames) * LEAST_FRAME_BYTES > limit

    def _end_of_turn(self) -> None:
        """Write what has gathered. Runs in the hub, so it must not wait."""
        if self._write_or_lose():
            self._come_to_rest()
        elif not self.lost:
            self._writer = gevent.spawn(self._write_when_possible)

    def _write_or_lose(self) -> bool:
        try:
            return self._write()
        except OSError as error:
            self._lose(f"writing failed: {error}")
            return False

    def _write(self) -> bool:
        """Offer the queue to the kernel; True when it has taken everything."""
        while chunk := self._rest or self._next_chunk():
            try:
                sent = self._sock.send(chunk)
            except BlockingIOError:
                sent = 0
            self.bytes_out += sent
            self.queued_bytes -= sent
            if sent < len(chunk):
                self._rest = chunk[sent:]
                return False
            self._rest = _NOTHING  # an empty slice would keep the whole message alive
        return True

    def _next_chunk(self) -> memoryview:
        frames = self._frames
        if not frames:
            return _NOTHING
        chunk = frames.popleft()
        if not frames or len(chunk) >= COALESCE_BYTES:
            return memoryview(chunk)
        joined = bytearray(chunk)
        while frames and len(joined) + len(frames[0]) <= COALESCE_BYTES:
            joined += frames.popleft()
        return memoryview(joined)

    def _write_when_possible(self) -> None:
        """Wait for room and write, until the queue is empty or the peer is given up: the writer greenlet."""
        room = self._hub.loop.io(self._sock.fileno(), WRITABLE)
        try:
            while not self.lost:
                self._await_room(room)
                if self._write_or_lose():
                    break
        finally:
            self._writer = None
            room.close()
        self._come_to_rest()

    def _await_room(self, room: Watcher) -> None:
        """Wait for the socket to be writable; lose a peer that took no byte for the write time-out.

        The kernel says "writable" only when a third of its buffer is free, so a slow peer that does take
        bytes is told from a stuck one by how many are still unsent.
        """
        unsent = self._unsent_bytes()
        while not self.lost and not wait_for(self._hub, room, self._write_timeout_s):
            before, unsent = unsent, self._unsent_bytes()
            if unsent >= before:
                self._lose(f"the peer took no byte for {self._write_timeout_s:g} s")

    def _unsent_bytes(self) -> int:
        """Count what the kernel holds and the peer has not acknowledged; 0 where the kernel does not say."""
        try:
            return int(struct.unpack("i", fcntl.ioctl(self._sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0])
        except OSError:
            return 0

    def _lose(self, reason: str) -> None:
        if not self.lost:
            self.drop()
            self._on_lost(reason)

    def _come_to_rest(self) -> None:
        self._busy = False
        if self._drained is not None:
            self._drained.set()
            self._drained = None
