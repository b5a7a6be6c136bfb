"""One WebSocket, from the accepted handshake until its TCP connection may be closed.

simple_websocket finds the socket in the WSGI environment and gives the interface that Flask-Sock handlers
know; reading and writing are ours. Its own thread reads into an unbounded list, and answers pings with `send`
while the handler writes messages. Here the handler's greenlet reads (`web.inbound`), and everything written
passes through one queue (`web.outbound`).
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import gevent
import simple_websocket
from simple_websocket import ConnectionClosed

from scheduling.credentials import Identity
from web.allowance import Allowance
from web.close_codes import CloseCode
from web.deflate import LEAST_BYTES
from web.frames import (
    PING_FRAME,
    Close,
    FrameError,
    Ping,
    Pong,
    binary_frame,
    close_frame,
    pong_frame,
    text_frame,
)
from web.handshake import accept
from web.inbound import HungUp, Inbound
from web.options import ConnectionOptions
from web.outbound import Outbound
from web.shared_text import SharedText

__all__ = ["Connection", "ConnectionClosed", "ConnectionOptions"]

#: Of a peer's queue, the share beyond which it is sent only what must not be left out.
SPARE_SHARE = 0.25

#: Longest message of a peer that has not said who it is; a node's registration with 10,000 pairs of languages
#: has half of it.
_STRANGERS_BYTES = 512 * 1024

#: `SO_LINGER` that makes close() reset the connection and forget what a stuck peer has not taken.
_RESET = struct.pack("ii", 1, 0)


class _NoThread:
    """Stands in for the reader thread that simple_websocket starts."""

    name = ""

    def __init__(self, target: object) -> None:
        """Take the thread's function, and forget it."""

    def start(self) -> None:
        """Start nothing."""


class Connection(simple_websocket.Server):  # type: ignore[misc]  # an untyped package
    """The server's end of one WebSocket.

    One greenlet, the handler's, calls `receive` and at last `finish`; the other methods may be called from
    any greenlet of the process. Counters are bytes on the wire and whole messages.
    """

    connected: bool

    def __init__(self, environ: dict[str, Any], options: ConnectionOptions) -> None:
        """Accept the request's upgrade; raises HandshakeError."""
        self.options = options
        self.on_held_back: Callable[[float], None] | None = None
        """Told each time the peer is not read from for so long (s), because it said too much."""
        self._rates = (options.messages_per_s, options.bytes_per_s)
        self._allowance = Allowance(*self._rates, options.max_message_bytes)
        self.messages_in = 0
        self.messages_out = 0
        self._identity: Identity | None = None
        self._can_parse = True  # until the peer breaks the protocol
        self._peer_ended = False  # by a close frame, or because it is gone
        super().__init__(environ, thread_class=_NoThread, event_class=object)
        del (
            self.thread,
            self.event,
            self.ws,
            self.input_buffer,
        )  # for the reader thread and the base's handshake

    def limit(self, stated: Mapping[str, float]) -> None:
        """Let the peer say what its credential states (``messages_per_s``, ``bytes_per_s``), if it does."""
        options = self.options
        rates = (
            stated.get("messages_per_s", options.messages_per_s),
            stated.get("bytes_per_s", options.bytes_per_s),
        )
        if rates != self._rates:
            self._rates = rates
            self._allowance = Allowance(*rates, options.max_message_bytes)

    def handshake(self) -> None:
        """Accept the upgrade; the base class calls it once, when it has found the socket."""
        options = self.options
        accepted = accept(self.environ, options)
        self.subprotocol = accepted.subprotocol
        self._deflate = accepted.deflate
        inflate = accepted.deflate.inflate if accepted.deflate else None
        self.sock.setblocking(False)
        self._inbound = Inbound(self.sock, options.max_message_bytes, inflate)
        self._outbound = Outbound(self.sock, options.max_queue_bytes, options.write_timeout_s, self._lose)
        self._outbound.put(accepted.response)
        self.connected = True

    @property
    def identity(self) -> Identity | None:
        """Who is at the other end, once that is known."""
        return self._identity

    @identity.setter
    def identity(self, identity: Identity | None) -> None:
        """Say who it is. While that is not known its messages are small: any stranger may send them."""
        self._identity = identity
        most = self.options.max_message_bytes
        is_stranger = identity is None and self.options.role is not None
        self._inbound.limit(min(most, _STRANGERS_BYTES) if is_stranger else most)

    @property
    def closed(self) -> bool:
        """Whether either side has ended it; `close_reason` and `close_message` say why."""
        return not self.connected

    @property
    def last_seen_s(self) -> float:
        """When the peer last sent anything, on the monotonic clock."""
        return self._inbound.last_seen_s

    @property
    def bytes_in(self) -> int:
        """Bytes read from this peer."""
        return self._inbound.bytes_in

    @property
    def bytes_out(self) -> int:
        """Bytes the kernel has taken for this peer."""
        return self._outbound.bytes_out

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait in this process for the peer to read."""
        return self._outbound.queued_bytes

    def send(self, data: str | bytes | SharedText) -> None:
        """Queue one message, text or binary; never waits.

        Raises ConnectionClosed when the connection has ended, or ends now because the peer does not keep up
        (SLOW_PEER): `max_queue_bytes` wait for it already. `flush` between large messages avoids that.
        """
        if not self.connected:
            raise self._why_closed()
        self._put(self._encode(data))
        if not self.connected:
            raise self._why_closed()
        self.messages_out += 1

    def offer(self, data: str) -> bool:
        """Queue a message that is out of date in a moment, unless the peer is behind already.

        False, and nothing queued, when more than a share of `max_queue_bytes` (`SPARE_SHARE`) waits: what may
        be left out is, long before the peer is given up as too slow. Raises as `send`.
        """
        if self.queued_bytes > SPARE_SHARE * self.options.max_queue_bytes:
            return False
        self.send(data)
        return True

    def receive(self, timeout: float | None = None) -> str | bytes | None:
        """Wait for the next message; None after `timeout` seconds, 0 only looks.

        Raises ConnectionClosed once the connection has ended, whoever ended it; also when another greenlet
        ends it meanwhile. Pings are answered and pongs noted here, so a handler should always come back soon.
        """
        deadline_s = None if timeout is None else time.monotonic() + timeout
        if self._allowance.owes and not self._make_good(deadline_s):
            return None
        try:
            while self.connected:
                event = self._inbound.next()
                if isinstance(event, str | bytes):
                    self.messages_in += 1
                    self._count(len(event))
                    return event
                if event is not None:
                    self._control(event)
                    self._count(0)
                elif self.connected and not self._inbound.fill(_left(deadline_s)) and self.connected:
                    return None
        except FrameError as error:
            self._can_parse = False
            self.close(error.code, error.reason)
        except HungUp as end:
            self._lose(str(end))
        raise self._why_closed()

    def receive_until(self, until_s: float) -> str | bytes | None:
        """Wait for the next message until a moment (monotonic s), from which on none is given; then None."""
        left_s = until_s - time.monotonic()
        return self.receive(left_s) if left_s > 0 else None

    def close(self, reason: int | None = None, message: str | None = None) -> None:
        """Say goodbye after what is queued, with a close code (1000) and a sentence; never waits.

        Wakes a blocked `receive`, which raises ConnectionClosed. Does nothing when the connection has ended:
        the first reason stands.
        """
        self._end(reason or CloseCode.NORMAL, message or "", drop_queue=False)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until the kernel has taken everything queued; False when it has not in time, or never will."""
        return self._outbound.flush(timeout_s)

    def keep_alive(self, now_s: float, interval_s: float) -> None:
        """Ping the peer, or close it as SILENT_PEER when nothing came for two intervals (monotonic seconds).

        Bytes the handler has not read yet are a sign of life too: that it is busy is not the peer's fault.
        """
        if not self.connected:
            return
        if now_s - self.last_seen_s < 2 * interval_s or self._inbound.unread_bytes():
            self._put(PING_FRAME)
        else:
            self.close(CloseCode.SILENT_PEER, f"No frame and no pong came for {2 * interval_s:g} s")

    def finish(self) -> None:
        """End in order: write what is queued, wait for the peer's answer, hang up.

        For the handler's greenlet. Takes at most `write_timeout_s` and `close_timeout_s`; the WSGI server
        closes the socket afterwards.
        """
        self.close()
        if not self._outbound.flush(self.options.write_timeout_s):
            with suppress(OSError):
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        elif not self._peer_ended:
            self._await_answer()
        self.hang_up()

    def hang_up(self) -> None:
        """End the TCP connection at once, whatever is queued."""
        self.connected = False
        self._outbound.stop()
        self._inbound.close()
        self._shutdown(socket.SHUT_RDWR)

    def _count(self, size: int) -> None:
        """Hold back a peer that says too much; pings are answered, so they count as well."""
        if late_s := self._allowance.take(size):
            self._hold_back(late_s)

    def _hold_back(self, late_s: float) -> None:
        if self.on_held_back:
            self.on_held_back(late_s)
        gevent.sleep(late_s)

    def _make_good(self, deadline_s: float | None) -> bool:
        """Read nothing until the peer is within its allowance again; False when the time is over before."""
        while self.connected and (late_s := self._allowance.owed()):
            left_s = _left(deadline_s)
            if left_s == 0.0:
                return False
            self._hold_back(late_s if left_s is None else min(late_s, left_s))
        return True

    def _await_answer(self) -> None:
        if not self._can_parse:
            self._shutdown(socket.SHUT_WR)  # its answer could not be found: let it see that we are done
        self._inbound.drain(self.options.close_timeout_s, parse=self._can_parse)

    def _why_closed(self) -> ConnectionClosed:
        return ConnectionClosed(self.close_reason, self.close_message)

    def _encode(self, data: str | bytes | SharedText) -> bytes:
        if isinstance(data, SharedText):
            return data.frame(self._deflate)
        frame, payload = (text_frame, data.encode()) if isinstance(data, str) else (binary_frame, data)
        if self._deflate is not None and len(payload) >= LEAST_BYTES:
            return frame(self._deflate.deflate(payload), deflated=True)
        return frame(payload)

    def _put(self, frame: bytes) -> None:
        if self.connected and not self._outbound.put(frame):
            limit = self.options.max_queue_bytes
            self._end(CloseCode.SLOW_PEER, f"More than {limit} bytes waited to be read", drop_queue=True)

    def _control(self, event: Ping | Pong | Close) -> None:
        if isinstance(event, Ping):
            self._put(pong_frame(event.payload))
        elif isinstance(event, Close):
            self._peer_ended = True
            answer = CloseCode.NORMAL if event.code == CloseCode.NO_STATUS else event.code
            self._note_end(event.code, event.reason)
            self._outbound.put_last(close_frame(answer), drop_queue=False)

    def _end(self, code: int, message: str, *, drop_queue: bool) -> None:
        if self.connected:
            self._note_end(code, message)
            self._outbound.put_last(close_frame(code, message), drop_queue=drop_queue)

    def _lose(self, reason: str) -> None:
        """Note that the TCP connection is of no more use."""
        self._peer_ended = True
        self._outbound.drop()
        if self.connected:
            self._note_end(CloseCode.ABNORMAL, reason)

    def _note_end(self, code: int, message: str) -> None:
        self.connected = False
        self.close_reason, self.close_message = code, message
        self._inbound.wake()

    def _shutdown(self, how: int) -> None:
        with suppress(OSError):  # the peer was faster
            self.sock.shutdown(how)


def _left(deadline_s: float | None) -> float | None:
    return None if deadline_s is None else max(0.0, deadline_s - time.monotonic())
