"""What a hostile or broken peer can do to a real server process: nothing to its memory, nothing to others."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Iterator
from typing import cast

import pytest
from websockets.exceptions import ConnectionClosedError

from tests.web.raw_peer import BINARY, CLOSE, TEXT, frame, raw_peer
from tests.web.socket_server import SocketServer, open_client, socket_server
from web.close_codes import CloseCode

MIB = 1024 * 1024
DEFLATE = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}


@pytest.fixture(scope="module")
def server() -> Iterator[SocketServer]:
    with socket_server() as running:
        yield running
        assert running.get("/stats")["reported"] == []
        assert running.troubles() == []


@pytest.fixture
def own_server() -> Iterator[SocketServer]:
    with socket_server() as running:
        yield running


def test_flood_at_a_handler_that_does_not_read_stays_in_the_peer(server: SocketServer) -> None:
    """simple-websocket reads ahead into an unbounded list: 300 MiB in 1.1 s were in memory before the handler
    looked. Here what the handler does not take fills the kernel's buffers, and then the sender waits."""
    with raw_peer(server.port, "/deaf") as peer:
        assert peer.read() == (TEXT, b"not listening")
        before = server.get("/stats")["rss_bytes"]
        cast(socket.socket, peer.sock).settimeout(0.5)
        with pytest.raises(TimeoutError):
            for _ in range(300):
                peer.send(BINARY, bytes(MIB))
        assert server.get("/stats")["rss_bytes"] - before < 4 * MIB
    server.get("/let-read")


def test_flood_at_a_handler_that_reads_passes_through(server: SocketServer) -> None:
    """The same 300 MiB, all of them read: memory for one message, not for what was sent."""
    message = frame(BINARY, bytes(MIB))
    with raw_peer(server.port, "/count") as peer:
        before = server.get("/stats")["rss_bytes"]
        for _ in range(300):
            peer.sock.sendall(message)
        assert server.get("/stats")["rss_bytes"] - before < 16 * MIB
        peer.text("end")
        assert peer.read() == (TEXT, str(300 * MIB).encode())


def test_flood_of_tiny_messages_leaves_others_their_turn(server: SocketServer) -> None:
    """64 KiB hold ten thousand empty messages; a handler that takes them all before anybody else has a turn
    makes every other connection of the process wait."""
    with raw_peer(server.port, "/count") as flooding, open_client(server, "/echo") as other:
        batch = frame(TEXT, b"") * 10_000
        for number in range(20):
            flooding.sock.sendall(batch)
            other.send(str(number))
            assert other.recv(timeout=30) == str(number)
        flooding.text("end")
        assert flooding.read() == (TEXT, b"0")


def test_compression_bomb_is_refused_without_being_inflated(own_server: SocketServer) -> None:
    """wsproto inflates whatever comes with no bound: 1 MB on the wire is 1 GB in memory. Here inflating
    stops at the limit of the path, 1 MiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(100)) + packer.flush(zlib.Z_SYNC_FLUSH)
    assert len(bomb) < MIB / 8
    with raw_peer(own_server.port, "/compressed", DEFLATE) as peer:
        before = own_server.get("/stats")["rss_bytes"]
        peer.send(0xC2, bomb.removesuffix(b"\0\0\xff\xff"))
        assert peer.read_close()[0] == CloseCode.MESSAGE_TOO_BIG
        assert own_server.get("/stats")["rss_bytes"] - before < 8 * MIB


def test_message_too_big_is_refused_by_its_header(server: SocketServer) -> None:
    """With no limit, or one looked at when the message is whole, each peer can have as much of our memory as
    it announces. The default is 16 MiB; the frame's header says more, and no payload need come."""
    with raw_peer(server.port, "/echo") as peer:
        peer.sock.sendall(bytes((BINARY, 0xFF)) + (16 * MIB + 1).to_bytes(8) + b"mask")
        code, reason = peer.read_close()
        assert (code, str(16 * MIB) in reason) == (CloseCode.MESSAGE_TOO_BIG, True)


def test_message_too_big_by_an_independent_client(server: SocketServer) -> None:
    with open_client(server, "/echo") as peer, pytest.raises(ConnectionClosedError) as closed:
        peer.send(bytes(17 * MIB))
        peer.recv(timeout=30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.MESSAGE_TOO_BIG


def test_largest_message_passes(server: SocketServer) -> None:
    with open_client(server, "/count") as peer:
        peer.send(bytes(16 * MIB))
        peer.send("end")
        assert peer.recv(timeout=30) == str(16 * MIB)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, b"\xc3\x28"), CloseCode.INVALID_TEXT),
        (frame(0x01, b"\xc3") + frame(0x80, b"\x28"), CloseCode.INVALID_TEXT),
        (frame(TEXT, b"unmasked", mask=None), CloseCode.PROTOCOL_ERROR),
        (frame(0x83, b""), CloseCode.PROTOCOL_ERROR),
        (frame(CLOSE, b"\x03\xed"), CloseCode.PROTOCOL_ERROR),
    ],
)
def test_broken_frames_get_their_code_and_a_closed_connection(
    server: SocketServer, sent: bytes, code: CloseCode
) -> None:
    with raw_peer(server.port, "/echo") as peer:
        peer.sock.sendall(sent)
        assert peer.read_close()[0] == code
        assert peer.is_hung_up()
