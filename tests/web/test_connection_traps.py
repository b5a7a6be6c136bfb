"""What flask-sock, simple-websocket and gunicorn do wrong, looked for in a real server process."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import gevent
import pytest
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.sync.client import connect

from tests.web.raw_peer import PING, PONG, TEXT, RawPeer, frame, raw_peer
from tests.web.socket_server import SocketServer, open_client, socket_server, until
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


def test_slow_reader_of_large_messages_gets_whole_frames(server: SocketServer) -> None:
    """simple-websocket #45: `send` calls `socket.send` once, so a message of 4 MB is cut wherever the
    kernel's buffer is full, and the reader sees "reserved bits must be 0". Here the reader takes 8 of them
    slowly."""
    with raw_peer(server.port, "/large/8/4000000") as peer:
        for number in range(8):
            first, payload = peer.read()
            assert (first, len(payload)) == (TEXT, 4_000_000)
            assert payload == payload[:1] * 4_000_000 == chr(ord("a") + number).encode() * 4_000_000
            gevent.sleep(0.02)
        assert peer.read_close()[0] == CloseCode.NORMAL


def test_two_senders_and_pings_in_both_directions_mix_no_frames(server: SocketServer) -> None:
    """simple-websocket #13 and #45: the reader thread answers pings on the socket the handler writes to,
    with no lock; under load frames were mixed and gevent raised ConcurrentObjectUseError."""
    with raw_peer(server.port, "/two-senders/300") as peer:
        for number in range(100):
            peer.send(PING, b"%d" % number)
        frames: list[tuple[int, bytes]] = []
        while [first for first, _ in frames].count(TEXT) < 600 or (PONG, b"99") not in frames:
            frames.append(peer.read())
        assert [payload for first, payload in frames if first == PONG] == [b"%d" % n for n in range(100)]
        for letter in (b"x", b"y"):
            got = [payload for first, payload in frames if first == TEXT and payload[:1] == letter]
            assert got == [letter * (number * 97 % 30_000) for number in range(1, 300)]
        assert PING in (first for first, _ in frames)
        peer.text("enough")
        assert peer.read_close()[0] == CloseCode.NORMAL


def test_peer_that_does_not_read_is_closed_while_others_go_on(server: SocketServer) -> None:
    """`sendall` to a stuck client blocks whoever holds the lock. Here a full queue ends the connection with
    SLOW_PEER, which reaches the peer behind whole frames as soon as it reads."""
    with raw_peer(server.port, "/flood") as slow, open_client(server, "/echo") as other:
        for number in range(50):
            other.send(str(number))
            assert other.recv(timeout=30) == str(number)
        assert {payload for _, payload in slow.frames()} == {b"x" * 100_000}
        assert int.from_bytes(slow.close_payload[:2]) == CloseCode.SLOW_PEER
        slow.close()


def test_no_compression_unless_a_path_wants_it(server: SocketServer) -> None:
    """simple-websocket accepts permessage-deflate from everybody: 100 KB more for each socket, for audio
    that does not get smaller."""
    with raw_peer(server.port, "/echo", DEFLATE) as peer:
        peer.sock.sendall(frame(0xC1, b"x"))
        assert peer.read_close() == (CloseCode.PROTOCOL_ERROR, "A frame has reserved bits set")
    with RawPeer(socket.create_connection(("127.0.0.1", server.port), timeout=30)) as asking:
        head = asking.shake_hands("/compressed", DEFLATE)
    assert "permessage-deflate; client_no_context_takeover; server_no_context_takeover" in head


def test_compressed_messages_of_an_independent_client(server: SocketServer) -> None:
    offer = [ClientPerMessageDeflateFactory()]
    with connect(server.url + "/compressed", extensions=offer, compression=None, proxy=None) as peer:
        assert peer.protocol.extensions
        for text in ("short", "long " * 10_000, "olá " * 5_000):
            peer.send(text)
            assert peer.recv(timeout=30) == text
            peer.send([text, text])
            assert peer.recv(timeout=30) == text + text


def test_close_from_another_greenlet_reaches_every_blocked_handler(server: SocketServer) -> None:
    with ExitStack() as stack:
        until(lambda: server.get("/stats")["open"] == 0)
        peers = [stack.enter_context(raw_peer(server.port, "/echo")) for _ in range(20)]
        until(lambda: server.get("/stats")["open"] == 20)
        assert server.get("/close-all") == {"closed": 20}
        for peer in peers:
            assert peer.read_close() == (CloseCode.RESTART, "come back in 2 s")
            peer.close(CloseCode.RESTART)
            assert peer.is_hung_up()
        until(lambda: server.get("/stats")["open"] == 0)
    assert server.get("/stats")["close_codes"][str(int(CloseCode.RESTART))] == 20


def test_ended_connections_leave_no_file_and_no_error(server: SocketServer) -> None:
    """flask-sock #64: under gunicorn every handled WebSocket ends with StopIteration raised through Flask,
    which error trackers report; and a socket that is only shut down keeps its file descriptor."""
    server.get("/stats")
    before = server.get("/stats")["fds"]
    for number in range(300):
        with raw_peer(server.port, "/echo") as peer:
            if number % 3 == 0:
                peer.close()
                peer.read_close()
            elif number % 3 == 1:
                peer.text("gone before you answer")
    until(lambda: server.get("/stats")["open"] == 0)
    until(lambda: server.get("/stats")["fds"] <= before)


def test_failing_handler_ends_its_stream_in_order(own_server: SocketServer) -> None:
    """Flask answers a handler's exception with a 500 page, and flask-sock lets it go down the WebSocket: the
    peer sees a broken frame that begins with "H"."""
    with raw_peer(own_server.port, "/failing") as peer:
        peer.text("go")
        assert peer.read_close()[0] == CloseCode.INTERNAL_ERROR
        peer.close()
        assert peer.is_hung_up()
    with raw_peer(own_server.port, "/meddling") as peer:
        peer.text("go")
        assert peer.read_close()[0] == CloseCode.INTERNAL_ERROR
    assert "handler failed" in own_server.log()
    assert len(own_server.get("/stats")["reported"]) == 2


def test_idle_connections_take_no_threads_and_little_memory(own_server: SocketServer) -> None:
    """simple-websocket starts a reader thread for each socket: 500 were 1003 threads and 67 KB each."""
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(raw_peer(own_server.port, "/echo"))
        before = own_server.get("/stats")
        for _ in range(500):
            stack.enter_context(raw_peer(own_server.port, "/echo"))
        after = own_server.get("/stats")
        assert after["open"] == 550
        assert after["threads"] == before["threads"]
        assert (after["rss_bytes"] - before["rss_bytes"]) / 500 < 45 * 1024


def test_half_open_peer_is_found_and_let_go() -> None:
    """A peer whose network has gone sends no FIN; simple-websocket pings nobody unless told to. Here it is a
    peer that answers no ping, beside one that does and one that only talks."""
    with (
        socket_server(env={"PING_INTERVAL_S": "1"}) as server,
        raw_peer(server.port, "/count") as silent,
        raw_peer(server.port, "/count") as talking,
        open_client(server, "/echo") as living,
    ):
        pings = 0
        for first, _ in silent.frames():
            pings += first == PING
            talking.text("la")
        assert int.from_bytes(silent.close_payload[:2]) == CloseCode.SILENT_PEER
        assert pings > 0
        living.send("still here")
        assert living.recv(timeout=30) == "still here"
        talking.text("end")
        assert TEXT in (first for first, _ in iter(talking.read, None) if first != PING)
        assert server.troubles() == []


def test_worker_that_is_ended_with_open_sockets_logs_no_error() -> None:
    """gunicorn holds open sockets for its grace, then throws GreenletExit into their handlers; a handler's
    cleanup that waited for its peer then would hold up the worker."""
    with socket_server() as server, raw_peer(server.port, "/echo") as peer:
        until(lambda: server.get("/stats")["open"] == 1)
        server.process.terminate()
        assert peer.is_hung_up()
        assert server.process.wait(30) == 0
        assert [line for line in server.troubles() if "graceful timeout" not in line] == []


def test_refusing_server_answers_with_http(own_server: SocketServer) -> None:
    own_server.get("/refuse")
    with RawPeer(socket.create_connection(("127.0.0.1", own_server.port), timeout=30)) as peer:
        head = peer.shake_hands("/echo")
    assert head.startswith("HTTP/1.1 503 ")
    assert "Retry-After: 7" in head
    assert own_server.troubles() == []
