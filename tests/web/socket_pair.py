"""Both ends of a WebSocket in one process: our Connection and a raw peer, over real TCP, on gevent's loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gevent import socket

from tests.web.raw_peer import HANDSHAKE, RawPeer
from web.connection import Connection
from web.options import ConnectionOptions


@contextmanager
def socket_pair(
    options: ConnectionOptions | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    receive_buffer_bytes: int | None = None,
) -> Iterator[tuple[Connection, RawPeer]]:
    """A connection whose handshake is done, and its peer; both are hung up at the end.

    `receive_buffer_bytes` is the peer's: how much it takes without reading (the kernel doubles it).
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client = socket.socket()
        if receive_buffer_bytes is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
    with server, RawPeer(client) as peer:
        connection = Connection(
            _environ(server, {**HANDSHAKE, **(headers or {})}), options or ConnectionOptions()
        )
        peer.read_head()
        try:
            yield connection, peer
        finally:
            connection.hang_up()


def _environ(server: socket.socket, headers: Mapping[str, str]) -> dict[str, object]:
    named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return {"gunicorn.socket": server, **named}
