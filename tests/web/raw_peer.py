"""A WebSocket client that does only what it is told, right or wrong, on any kind of socket."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Protocol, Self

TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A

HANDSHAKE = {
    "Host": "test",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


class AnySocket(Protocol):
    """What standard and gevent sockets have in common."""

    def recv(self, size: int, /) -> bytes: ...
    def sendall(self, data: bytes, /) -> object: ...
    def close(self) -> None: ...


def frame(first: int, payload: bytes = b"", mask: bytes | None = b"\x11\x22\x33\x44") -> bytes:
    """One frame as a client sends it; `mask=None` leaves it unmasked, which no server may take."""
    masked = 0x80 if mask else 0
    size = len(payload)
    if size < 126:
        head = bytes((first, masked | size))
    elif size < 65536:
        head = struct.pack("!BBH", first, masked | 126, size)
    else:
        head = struct.pack("!BBQ", first, masked | 127, size)
    if not mask:
        return head + payload
    key = int.from_bytes((mask * (size // 4 + 1))[:size])
    return head + mask + (int.from_bytes(payload) ^ key).to_bytes(size)


class RawPeer:
    """The client's end of one connection."""

    def __init__(self, sock: AnySocket) -> None:
        self.sock = sock
        self._received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def shake_hands(self, path: str, headers: Mapping[str, str] | None = None) -> str:
        """Ask for a WebSocket; gives the head of the response."""
        lines = [f"{name}: {value}\r\n" for name, value in {**HANDSHAKE, **(headers or {})}.items() if value]
        self.sock.sendall(f"GET {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("latin-1"))
        return self.read_head()

    def read_head(self) -> str:
        while b"\r\n\r\n" not in self._received:
            self._receive()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    def send(self, first: int, payload: bytes = b"") -> None:
        self.sock.sendall(frame(first, payload))

    def text(self, message: str) -> None:
        self.send(TEXT, message.encode())

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close frame; the socket stays open."""
        self.send(CLOSE, struct.pack("!H", code) + reason.encode())

    def read(self) -> tuple[int, bytes]:
        """The next frame: first byte and payload. Raises EOFError when the server has hung up."""
        self._need(2)
        first, size = self._received[0], self._received[1]
        assert size < 128, "a server must not mask"
        start = 2
        if size > 125:
            start = 4 if size == 126 else 10
            self._need(start)
            size = int.from_bytes(self._received[2:start])
        self._need(start + size)
        payload = self._received[start : start + size]
        self._received = self._received[start + size :]
        return first, payload

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """All frames up to and without the close frame."""
        while (got := self.read())[0] != CLOSE:
            yield got
        self.close_payload = got[1]

    def read_close(self) -> tuple[int, str]:
        """Skip to the close frame; gives its code and reason."""
        for _ in self.frames():
            pass
        return struct.unpack("!H", self.close_payload[:2])[0], self.close_payload[2:].decode()

    def read_all(self) -> list[tuple[int, bytes]]:
        """All frames until the server hangs up."""
        got = []
        with suppress(EOFError):
            while True:
                got.append(self.read())
        return got

    def is_hung_up(self) -> bool:
        """Whether the server ends the TCP connection, after whatever it still sends."""
        try:
            while True:
                self._receive()
        except (EOFError, ConnectionError):
            return True

    def _need(self, size: int) -> None:
        if len(self._received) >= size:
            return
        parts, have = [self._received], len(self._received)
        while have < size:
            self._received = b""
            self._receive()
            parts.append(self._received)
            have += len(self._received)
        self._received = b"".join(parts)

    def _receive(self) -> None:
        data = self.sock.recv(1 << 18)
        if not data:
            raise EOFError
        self._received += data


@contextmanager
def raw_peer(port: int, path: str, headers: Mapping[str, str] | None = None) -> Iterator[RawPeer]:
    """Connect to a server of this machine and shake hands."""
    with RawPeer(socket.create_connection(("127.0.0.1", port), timeout=30)) as peer:
        head = peer.shake_hands(path, headers)
        assert head.startswith("HTTP/1.1 101 "), head
        yield peer
