"""What happens to a connection's frames when the peer does not read, or not fast enough."""

from __future__ import annotations

import gevent
import pytest
from gevent.event import Event

from tests.web.raw_peer import PING, PONG, TEXT, RawPeer, frame
from tests.web.socket_pair import socket_pair
from web.close_codes import CloseCode
from web.connection import SPARE_SHARE, Connection, ConnectionClosed, ConnectionOptions
from web.outbound import LEAST_FRAME_BYTES

SOON_S = 10.0

#: More than the kernel's buffers of both ends take without a reader, in bytes.
BEYOND_KERNEL = 20_000_000


def send_until_closed(connection: Connection, message: str) -> tuple[int, int]:
    """How many were taken before the peer was given up as slow, and the most bytes that waited for it."""
    most = 0
    for count in range(1_000_000):
        try:
            connection.send(message)
        except ConnectionClosed as closed:
            assert closed.reason == CloseCode.SLOW_PEER
            return count, most
        most = max(most, connection.queued_bytes)
    raise AssertionError("nothing bounds the queue")


def test_frames_of_one_turn_go_out_in_one_write() -> None:
    with socket_pair() as (connection, peer):
        for number in range(100):
            connection.send(str(number))
        assert connection.queued_bytes > 0
        assert connection.flush(SOON_S)
        assert [peer.read() for _ in range(100)] == [(TEXT, str(number).encode()) for number in range(100)]


def test_large_frames_reach_a_reader_that_starts_late_whole_and_in_order() -> None:
    """`socket.send` takes what fits in the kernel's buffer and says how much; who ignores that cuts the frame
    (simple-websocket #45, with messages of 4 MB)."""
    with socket_pair(ConnectionOptions(max_queue_bytes=BEYOND_KERNEL)) as (connection, peer):
        messages = [f"{number} " * 700_000 for number in range(4)]
        for message in messages:
            connection.send(message)
        assert not connection.flush(0.01)
        assert [peer.read() for _ in messages] == [(TEXT, message.encode()) for message in messages]
        assert connection.flush(SOON_S)


def test_flush_lets_a_sender_wait_for_a_slow_reader() -> None:
    with socket_pair() as (connection, peer):

        def send_all() -> None:
            for _ in range(8):
                connection.send("x" * 4_000_000)
                assert connection.flush(SOON_S)

        sending = gevent.spawn(send_all)
        for _ in range(8):
            assert peer.read() == (TEXT, b"x" * 4_000_000)
            gevent.sleep(0.001)
        sending.get(timeout=SOON_S)


def test_what_may_be_left_out_is_left_out_of_a_queue_long_before_its_end() -> None:
    options = ConnectionOptions(max_queue_bytes=1_000_000)
    with socket_pair(options) as (connection, peer):
        sent, offered = 0, 0
        while connection.offer("?" * 10_000):
            offered += 1
            assert connection.queued_bytes < BEYOND_KERNEL
            gevent.sleep()
        assert connection.queued_bytes <= SPARE_SHARE * options.max_queue_bytes + 10_010
        for _ in range(50):
            connection.send("!" * 10_000)
            sent += 1
            assert not connection.offer("?")
        received = [peer.read()[1][:1] for _ in range(offered + sent)]
        assert received == [b"?"] * offered + [b"!"] * sent
        assert connection.flush(SOON_S)
        assert connection.offer("?")
        assert peer.read() == (TEXT, b"?")


def test_a_burst_that_the_kernel_takes_is_no_slow_peer() -> None:
    """Eight assignments of one loop turn passed the limit before the writer had run once, and a healthy node
    was closed."""
    with socket_pair(ConnectionOptions(max_queue_bytes=1000)) as (connection, peer):
        for _ in range(100):
            connection.send("x" * 500)
        assert [peer.read() for _ in range(100)] == [(TEXT, b"x" * 500)] * 100


@pytest.mark.parametrize("message", ["x" * 400_000, "x" * 4000, "x" * 200])
def test_a_slow_peer_is_closed_and_gets_only_whole_frames(message: str) -> None:
    with socket_pair(ConnectionOptions(max_queue_bytes=100_000)) as (connection, peer):
        sent, most = send_until_closed(connection, message)
        assert most <= 100_000 + len(message) + 10
        received = [got for got in peer.frames() if got[0] == TEXT]
        assert 0 < len(received) <= sent
        # A message above the limit waits alone: begun, and so finished. Of smaller ones some are dropped.
        assert len(received) < sent or len(message) > 100_000
        assert set(received) == {(TEXT, message.encode())}
        assert int.from_bytes(peer.close_payload[:2]) == CloseCode.SLOW_PEER


def test_a_queue_of_tiny_frames_is_bounded_by_what_they_cost() -> None:
    """A frame of a few bytes takes ten times as much memory: a megabyte on the wire was ten in here."""
    most = 0
    tiny = ConnectionOptions(max_queue_bytes=64_000)
    with socket_pair(tiny) as (connection, _), pytest.raises(ConnectionClosed):
        for _ in range(10_000_000):
            connection.send("x" * 8)
            most = max(most, len(connection._outbound._frames))
    assert 0 < most <= 64_000 // LEAST_FRAME_BYTES + 1


def test_pongs_for_a_peer_that_never_reads_them_are_bounded() -> None:
    """Each ping makes a pong: a peer that pings and does not read fills the queue without any message."""
    with socket_pair(ConnectionOptions(max_queue_bytes=10_000), receive_buffer_bytes=4096) as (
        connection,
        peer,
    ):
        pinging = gevent.spawn(ping_for_ever, peer)
        with pytest.raises(ConnectionClosed) as closed:
            connection.receive(SOON_S)
        assert closed.value.reason == CloseCode.SLOW_PEER
        pinging.kill()


def ping_for_ever(peer: RawPeer) -> None:
    """Ask in large batches, never reading an answer."""
    batch = frame(PING, b"p" * 125) * 1000
    while True:
        peer.sock.sendall(batch)


def test_a_peer_that_takes_no_byte_is_dropped() -> None:
    with socket_pair(ConnectionOptions(write_timeout_s=0.05)) as (connection, peer):
        connection.send("x" * BEYOND_KERNEL)
        with pytest.raises(ConnectionClosed) as closed:
            connection.receive(SOON_S)
        assert closed.value.reason == CloseCode.ABNORMAL
        assert "took no byte for 0.05 s" in closed.value.message
        assert not connection.flush(SOON_S)
        assert connection.queued_bytes == 0
        connection.finish()
        with pytest.raises((EOFError, ConnectionError)):
            peer.read()


def test_a_peer_that_takes_a_little_is_kept() -> None:
    """The kernel calls a socket writable only when a third of its buffer is free, so a peer on a thin line
    looks stuck for many seconds although every one of its reads makes room."""
    with socket_pair(ConnectionOptions(write_timeout_s=0.5), receive_buffer_bytes=65536) as (
        connection,
        peer,
    ):
        connection.send("x" * BEYOND_KERNEL)
        enough = Event()

        def trickle() -> None:
            while not enough.is_set():
                peer.sock.recv(2000)
                gevent.sleep(0.002)

        reading = gevent.spawn(trickle)
        assert connection.receive(1.7) is None
        assert not connection.closed
        enough.set()
        reading.join(SOON_S)


def test_a_stuck_peer_holds_up_nobody_else() -> None:
    with socket_pair() as (stuck, _), socket_pair() as (healthy, peer):
        stuck.send("x" * BEYOND_KERNEL)
        for number in range(100):
            healthy.send(str(number))
            assert peer.read() == (TEXT, str(number).encode())
        assert stuck.queued_bytes > 0


def test_many_greenlets_send_while_pings_are_answered() -> None:
    """simple-websocket writes from two threads without a lock: frames mixed, "reserved bits must be 0"."""
    with socket_pair(ConnectionOptions(max_queue_bytes=BEYOND_KERNEL)) as (connection, peer):

        def send_some(letter: str) -> None:
            for size in range(1, 100):
                connection.send(letter * size * 300)
                gevent.sleep(0)

        senders = [gevent.spawn(send_some, letter) for letter in "abc"]
        reading = gevent.spawn(connection.receive)
        for number in range(50):
            peer.send(PING, str(number).encode())
            connection.keep_alive(0.0, 20.0)
        frames = [peer.read() for _ in range(3 * 99 + 50 + 50)]
        gevent.joinall(senders, raise_error=True)
        texts = [payload for first, payload in frames if first == TEXT]
        assert all(payload == payload[:1] * len(payload) for payload in texts)
        assert [payload for first, payload in frames if first == PONG] == [b"%d" % n for n in range(50)]
        assert sum(first == PING for first, _ in frames) == 50
        reading.kill()


def test_a_reset_while_writing_ends_the_connection() -> None:
    with socket_pair() as (connection, peer):
        connection.send("x" * BEYOND_KERNEL)
        gevent.sleep(0)
        peer.sock.close()
        with pytest.raises(ConnectionClosed) as closed:
            connection.receive(SOON_S)
        assert closed.value.reason == CloseCode.ABNORMAL
        connection.finish()
