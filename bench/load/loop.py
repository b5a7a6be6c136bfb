"""One epoll loop over many WebSockets, with timers; no coroutines, as little as possible for each message."""

import heapq
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from bench.load.frames import CLOSE, HANDSHAKE, PING, PONG, TEXT, Refused, masked, take

_READ = 1 << 18
#: How soon a peer that was asked to come back does, s.
_BACK_S = 0.5
_HEAD_END = b"\r\n\r\n"
#: As Linux has it; Python has no name for it.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("qq")
_TOLD_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)


class Peer:
    """One socket. `state` is its maker's."""

    __slots__ = (
        "closed",
        "fd",
        "on_head",
        "on_message",
        "on_pong",
        "outbox",
        "received",
        "sock",
        "state",
    )

    def __init__(self, sock: socket.socket, on_message: "OnMessage") -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.on_message = on_message
        self.on_head: Callable[[Peer, bytes], None] | None = None
        """Gets the head of the handshake; gone once it has come."""
        self.on_pong: Callable[[Peer], None] | None = None
        self.received = b""
        self.outbox = b""
        self.closed = False
        self.state: Any = None


OnMessage = Callable[[Peer, bytes], None]


class Loop:
    """Runs peers and timers until `stop`."""

    def __init__(self, *, arrivals: bool = False) -> None:
        """``arrivals`` has the kernel note when bytes came: see `arrived_s`."""
        self._arrivals = arrivals
        self.arrived_s = 0.0
        """On the monotonic clock, when the last of what is being read came. This process may have had to wait
        for a core since, which that of a machine of its own would not."""
        self._epoll = select.epoll()
        self._peers: dict[int, Peer] = {}
        self._bell = os.eventfd(0)
        """Ends the wait for events: a signal alone does not, Python goes on waiting after it."""
        self._listeners: dict[int, Callable[[], Any]] = {self._bell: partial(os.eventfd_read, self._bell)}
        self._epoll.register(self._bell, select.EPOLLIN)
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._running = True
        self.refused = 0
        """Handshakes that were answered with 503."""
        self.lost = 0
        """Sockets that ended."""

    def connect(self, port: int, path: str, on_open: Callable[[Peer], None], on_message: OnMessage) -> Peer:
        """Connect to this machine and ask for a WebSocket; `on_open` is called when it is one."""
        peer = self.add(_dial(port), self._shaken(port, path, on_open), on_message)
        self.send(peer, HANDSHAKE % path.encode())
        return peer

    def _shaken(self, port: int, path: str, on_open: Callable[[Peer], None]) -> Callable[[Peer, bytes], None]:
        def shaken(peer: Peer, head: bytes) -> None:
            if head.startswith(b"HTTP/1.1 101"):
                on_open(peer)
            elif head.startswith(b"HTTP/1.1 503"):
                # The server lets in only so many at once: come back, as clients do.
                self.refused += 1
                self._drop(peer)
                self.lost -= 1
                self.at(time.monotonic() + _BACK_S, again(peer))
            else:
                raise Refused(f"{path}: {head[:200]!r}")

        def again(peer: Peer) -> Callable[[], None]:
            def connect() -> None:
                peer.sock = _dial(port)
                peer.fd, peer.closed, peer.received = peer.sock.fileno(), False, b""
                self._watch(peer, shaken)
                self.send(peer, HANDSHAKE % path.encode())

            return connect

        return shaken

    def listen(self, accept: Callable[[socket.socket], None]) -> int:
        """Listen on this machine; gives the port."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listeners[listener.fileno()] = lambda: accept(listener.accept()[0])
        self._epoll.register(listener.fileno(), select.EPOLLIN)
        return int(listener.getsockname()[1])

    def add(self, sock: socket.socket, on_head: Callable[[Peer, bytes], None], on_message: OnMessage) -> Peer:
        """Watch a socket whose handshake is to come."""
        peer = Peer(sock, on_message)
        self._watch(peer, on_head)
        return peer

    def _watch(self, peer: Peer, on_head: Callable[[Peer, bytes], None]) -> None:
        peer.sock.setblocking(False)
        peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._arrivals:
            peer.sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        peer.on_head = on_head
        self._peers[peer.fd] = peer
        self._epoll.register(peer.fd, select.EPOLLIN)

    def send(self, peer: Peer, frames: bytes) -> None:
        """Send now; what the socket does not take is sent when it does."""
        if peer.outbox:
            peer.outbox += frames
        elif not peer.closed:
            self._write(peer, frames)
            if peer.outbox:
                self._epoll.modify(peer.fd, select.EPOLLIN | select.EPOLLOUT)

    def at(self, due_s: float, call: Callable[[], None]) -> None:
        """Call at a time of `time.monotonic`; up to 1 ms late, as epoll counts in ms."""
        heapq.heappush(self._timers, (due_s, next(self._order), call))

    def stop(self) -> None:
        """Let `run` return, at once; a signal handler may call it."""
        self._running = False
        os.eventfd_write(self._bell, 1)

    def run(self) -> None:
        """Go on until stopped."""
        self._running = True
        while self._running:
            for fd, events in self._epoll.poll(self._patience_s()):
                if (peer := self._peers.get(fd)) is None:
                    if fd in self._listeners:
                        self._listeners[fd]()
                    continue
                if events & select.EPOLLOUT:
                    self._flush(peer)
                if events & ~select.EPOLLOUT and not peer.closed:
                    self._read(peer)
            self._fire()

    def run_until(self, done: Callable[[], bool], within_s: float, what: str) -> None:
        """Go on until a condition holds; ends the program when it does not in time."""
        until_s = time.monotonic() + within_s

        def look() -> None:
            if done() or time.monotonic() > until_s:
                self.stop()
            else:
                self.at(time.monotonic() + 0.01, look)

        if not done():
            look()
            self.run()
        if not done():
            raise SystemExit(f"not within {within_s:g} s: {what}")

    def _patience_s(self) -> float:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else 1.0

    def _fire(self) -> None:
        timers = self._timers
        while timers and timers[0][0] <= time.monotonic():
            heapq.heappop(timers)[2]()

    def _read(self, peer: Peer) -> None:
        try:
            data = self._receive(peer.sock) if self._arrivals else peer.sock.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(peer)
            return
        data = peer.received + data if peer.received else data
        if peer.on_head is not None:
            head, found, data = data.partition(_HEAD_END)
            if not found:
                peer.received = head
                return
            on_head, peer.on_head = peer.on_head, None
            on_head(peer, head)
            if peer.closed:
                return
        frames, peer.received = take(data)
        for first, payload in frames:
            if first == TEXT:
                peer.on_message(peer, payload)
            elif first == PING:
                self.send(peer, masked(payload, PONG))
            elif first == PONG and peer.on_pong is not None:
                peer.on_pong(peer)
            elif first == CLOSE:
                self._drop(peer)
                return

    def _receive(self, sock: socket.socket) -> bytes:
        data, told, _, _ = sock.recvmsg(_READ, _TOLD_BYTES)
        self.arrived_s = time.monotonic()
        if told:
            seconds, nanoseconds = _TIMESPEC.unpack(told[0][2])
            self.arrived_s -= time.time() - seconds - nanoseconds / 1e9
        return data

    def _flush(self, peer: Peer) -> None:
        if peer.outbox:
            self._write(peer, peer.outbox)
        if not peer.outbox and not peer.closed:
            self._epoll.modify(peer.fd, select.EPOLLIN)

    def _write(self, peer: Peer, frames: bytes) -> None:
        try:
            sent = peer.sock.send(frames)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(peer)
            return
        peer.outbox = frames[sent:] if sent < len(frames) else b""

    def _drop(self, peer: Peer) -> None:
        if not peer.closed:
            peer.closed = True
            peer.outbox = b""
            self.lost += 1
            del self._peers[peer.fd]
            self._epoll.unregister(peer.fd)
            peer.sock.close()


def _dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)
