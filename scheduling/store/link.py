"""One live connection that many greenlets share: written and read in the hub, without blocking."""

from collections import deque
from collections.abc import Callable
from ssl import SSLWantReadError, SSLWantWriteError
from time import monotonic
from typing import Any

from gevent.hub import Hub
from hiredis import ProtocolError, Reader

from scheduling.store.endpoint import Connection
from scheduling.store.pending import Call
from scheduling.store.replies import ErrorReply

_READ, _WRITE = 1, 2
_BUFFER_BYTES = 128 * 1024
_NOT_YET: Any = object()
_reader: Any = Reader
"""Its type knows neither bytearrays nor replies that are no exceptions."""
_AGAIN = (BlockingIOError, SSLWantReadError, SSLWantWriteError)

OnReply = Callable[["Link", Call, Any], None]
OnLost = Callable[["Link", Exception], None]


class Link:
    """Replies come in the order of the questions, so the calls in flight are a queue.

    Every method runs in the hub, or in the greenlet that made the connection; none of them blocks.
    """

    def __init__(
        self, connection: Connection, hub: Hub, greeting: list[bytes], on_reply: OnReply, on_lost: OnLost
    ) -> None:
        """``greeting`` goes out before the first call; what is replied to it is not looked at."""
        self.inflight: deque[Call] = deque()
        self.opened_s = monotonic()
        self.heard_s = self.opened_s
        """When bytes last came; on the monotonic clock, as all times here."""
        self.is_open = True
        self._connection = connection
        self._on_reply = on_reply
        self._on_lost = on_lost
        self._socket = connection._get_socket()
        self._socket.settimeout(0.0)
        self._decrypted = getattr(self._socket, "pending", None)
        self._reader = _reader(protocolError=ProtocolError, replyError=ErrorReply, notEnoughData=_NOT_YET)
        self._buffer = bytearray(_BUFFER_BYTES)
        self._unsent = bytearray().join(greeting)
        self._greetings = len(greeting)
        descriptor = self._socket.fileno()
        self._readable = hub.loop.io(descriptor, _READ)
        self._writable = hub.loop.io(descriptor, _WRITE)
        self._readable.start(self.read)
        if greeting:
            self._writable.start(self._write_rest)

    def send(self, calls: list[Call]) -> None:
        """Put calls in flight, in one write if the kernel takes it."""
        now_s = monotonic()
        for call in calls:
            call.sent_s = now_s
        self.inflight.extend(calls)
        data = b"".join([call.packed for call in calls])
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._write_some(data)
        except OSError as error:
            self._on_lost(self, error)
            return
        if sent < len(data):
            self._unsent += memoryview(data)[sent:]
            self._writable.start(self._write_rest)

    def silent_s(self) -> float:
        """Give for how long (s) the server has owed an answer and sent nothing."""
        return monotonic() - max(self.heard_s, self.inflight[0].sent_s) if self.inflight else 0.0

    def close(self) -> None:
        """Let go of the connection; what is in flight stays listed."""
        if self.is_open:
            self.is_open = False
            for watcher in (self._readable, self._writable):
                watcher.stop()
                watcher.close()
            self._connection.disconnect()

    def _write_some(self, data: bytes | bytearray) -> int:
        try:
            sent: int = self._socket.send(data)
        except _AGAIN:
            return 0
        return sent

    def _write_rest(self) -> None:
        try:
            # TLS takes a record of 16 KiB at a time.
            while self._unsent and (sent := self._write_some(self._unsent)):
                del self._unsent[:sent]
        except OSError as error:
            self._on_lost(self, error)
            return
        if not self._unsent:
            self._writable.stop()

    def read(self) -> None:
        """Take what has come."""
        try:
            while True:
                count = self._socket.recv_into(self._buffer)
                if not count:
                    raise ConnectionResetError("closed by the server")
                self.heard_s = monotonic()
                self._reader.feed(self._buffer, 0, count)
                self._deliver()
                # What TLS has decrypted already does not make the descriptor readable again.
                if not (self.is_open and self._decrypted and self._decrypted()):
                    return
        except _AGAIN:
            return
        except (OSError, ProtocolError) as error:
            self._on_lost(self, error)

    def _deliver(self) -> None:
        """Hand over every complete reply; the greenlets that wait for them run in between."""
        gets, inflight, on_reply = self._reader.gets, self.inflight, self._on_reply
        while self.is_open and (reply := gets()) is not _NOT_YET:
            if self._greetings:
                self._greetings -= 1
                continue
            if not inflight:
                raise ProtocolError(f"an answer to no question: {reply!r}")
            on_reply(self, inflight.popleft(), reply)
