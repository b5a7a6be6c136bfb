"""One connection, with both its ends on this process's loop."""

from __future__ import annotations

import time
from typing import Any, cast

import gevent
import pytest

from tests.web.raw_peer import BINARY, CLOSE, PING, PONG, TEXT, frame
from tests.web.socket_pair import socket_pair
from web.close_codes import CloseCode
from web.connection import Connection, ConnectionClosed, ConnectionOptions
from web.inbound import BURST

SOON_S = 10.0


def closed_with(connection: Connection) -> tuple[int, str]:
    """How `receive` ends."""
    with gevent.Timeout(SOON_S), pytest.raises(ConnectionClosed) as ended:
        connection.receive()
    return ended.value.reason, ended.value.message


def test_messages_pass_both_ways_as_what_they_are() -> None:
    with socket_pair() as (connection, peer):
        peer.text("grüß dich")
        peer.send(BINARY, b"\x00\xff")
        assert connection.receive(SOON_S) == "grüß dich"
        assert connection.receive(SOON_S) == b"\x00\xff"

        connection.send("olá")
        connection.send(b"\x01" * 70_000)
        assert peer.read() == (TEXT, "olá".encode())
        assert peer.read() == (BINARY, b"\x01" * 70_000)


def test_fragments_make_one_message_and_a_ping_between_them_is_answered() -> None:
    with socket_pair() as (connection, peer):
        peer.send(0x01, "gr\u00fc".encode()[:3])
        peer.send(PING, b"are you there")
        peer.send(0x80, "gr\u00fc".encode()[3:] + b"n")
        assert connection.receive(SOON_S) == "gr\u00fcn"
        assert peer.read() == (PONG, b"are you there")


def test_receive_gives_none_when_nothing_comes_in_time() -> None:
    with socket_pair() as (connection, peer):
        assert connection.receive(timeout=0) is None
        assert connection.receive(timeout=0.01) is None
        peer.send(PONG)
        peer.text("late")
        assert connection.receive(SOON_S) == "late"
        assert not connection.closed


def test_receive_with_time_out_zero_sees_what_is_there() -> None:
    with socket_pair() as (connection, peer):
        peer.text("here")
        gevent.sleep(0)
        assert connection.receive(timeout=0) == "here"


def test_close_from_another_greenlet_wakes_a_blocked_receive() -> None:
    with socket_pair() as (connection, peer):
        gevent.spawn(connection.close, CloseCode.RESTART, "come back in 5 s")
        assert closed_with(connection) == (CloseCode.RESTART, "come back in 5 s")
        assert peer.read_close() == (CloseCode.RESTART, "come back in 5 s")


def test_close_reaches_a_receiver_that_let_others_run_amid_a_burst() -> None:
    """While `receive` hands out a burst it lets others run now and then; a close that came just then once
    found nobody waiting to be woken, and the receiver began to wait after it, for ever."""
    with socket_pair() as (connection, peer):
        peer.sock.sendall(frame(TEXT, b"x") * BURST)
        for _ in range(BURST):
            connection.receive(SOON_S)
        gevent.spawn(connection.close)
        assert closed_with(connection)[0] == CloseCode.NORMAL


def test_the_first_reason_stands() -> None:
    with socket_pair() as (connection, peer):
        connection.close(CloseCode.REPLACED, "another took over")
        connection.close(CloseCode.NORMAL)
        connection.keep_alive(time.monotonic() + 1000, 1)
        assert peer.read_close() == (CloseCode.REPLACED, "another took over")
        assert closed_with(connection) == (CloseCode.REPLACED, "another took over")


def test_what_was_queued_goes_out_before_goodbye() -> None:
    with socket_pair() as (connection, peer):
        connection.send("one")
        connection.send("two")
        connection.close()
        assert list(peer.frames()) == [(TEXT, b"one"), (TEXT, b"two")]


def test_a_closed_connection_takes_and_gives_nothing_more() -> None:
    """simple_websocket gives out what it has buffered after the end: a dead client feeds its handler."""
    with socket_pair() as (connection, peer):
        peer.text("before")
        peer.text("after")
        assert connection.receive(SOON_S) == "before"
        connection.close()
        with pytest.raises(ConnectionClosed):
            connection.send("x")
        with pytest.raises(ConnectionClosed):
            connection.receive(0)


def test_a_peers_goodbye_is_answered_and_told() -> None:
    with socket_pair() as (connection, peer):
        peer.text("last words")
        peer.close(4242, "enough")
        assert connection.receive(SOON_S) == "last words"
        assert closed_with(connection) == (4242, "enough")
        assert peer.read_close() == (4242, "")
        connection.finish()
        assert peer.is_hung_up()


def test_a_goodbye_without_a_code_is_answered_with_normal() -> None:
    with socket_pair() as (connection, peer):
        peer.send(CLOSE)
        assert closed_with(connection)[0] == CloseCode.NO_STATUS
        assert peer.read_close()[0] == CloseCode.NORMAL


def test_a_peer_that_hangs_up_is_abnormal() -> None:
    with socket_pair() as (connection, peer):
        peer.sock.close()
        assert closed_with(connection)[0] == CloseCode.ABNORMAL
        with pytest.raises(ConnectionClosed):
            connection.send("anyone?")
        assert not connection.flush(SOON_S)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, b"x", mask=None), CloseCode.PROTOCOL_ERROR),
        (frame(0xC1, b"x"), CloseCode.PROTOCOL_ERROR),
        (frame(0x80, b"x"), CloseCode.PROTOCOL_ERROR),
        (frame(TEXT, b"\xff"), CloseCode.INVALID_TEXT),
        (frame(BINARY, bytes(1001)), CloseCode.MESSAGE_TOO_BIG),
        (frame(0x01, bytes(600)) + frame(0x80, bytes(600)), CloseCode.MESSAGE_TOO_BIG),
    ],
)
def test_a_broken_frame_ends_the_connection_with_its_code(sent: bytes, code: CloseCode) -> None:
    limits = ConnectionOptions(max_message_bytes=1000, close_timeout_s=0.05)
    with socket_pair(limits) as (connection, peer):
        peer.sock.sendall(frame(TEXT, b"fine") + sent + frame(TEXT, b"never seen"))
        assert connection.receive(SOON_S) == "fine"
        assert closed_with(connection)[0] == code
        assert peer.read_close()[0] == code
        connection.finish()
        assert peer.is_hung_up()


def test_a_peer_in_mid_message_still_learns_why_it_was_closed() -> None:
    """A socket closed with unread bytes resets the connection, and the reset overtakes the close frame: the
    peer of a message too big saw "connection reset" instead of 1009."""
    with socket_pair(ConnectionOptions(max_message_bytes=1000)) as (connection, peer):
        sender = gevent.spawn(peer.sock.sendall, frame(BINARY, bytes(8_000_000)))
        assert closed_with(connection)[0] == CloseCode.MESSAGE_TOO_BIG
        finishing = gevent.spawn(connection.finish)
        sender.join(SOON_S)
        assert peer.read_close()[0] == CloseCode.MESSAGE_TOO_BIG
        peer.sock.close()
        finishing.join(SOON_S)
        assert finishing.ready()


def test_finish_waits_for_the_peers_answer_and_no_longer_than_it_may() -> None:
    with socket_pair(ConnectionOptions(close_timeout_s=0.05)) as (connection, peer):
        peer.text("ignored")
        connection.finish()
        assert peer.read_close() == (CloseCode.NORMAL, "")
        assert peer.is_hung_up()


def test_finish_ends_with_the_peers_answer() -> None:
    with socket_pair(ConnectionOptions(close_timeout_s=1000)) as (connection, peer):
        finishing = gevent.spawn(connection.finish)
        assert peer.read_close()[0] == CloseCode.NORMAL
        peer.text("still talking")
        peer.close()
        finishing.join(SOON_S)
        assert finishing.ready()


def test_counters_and_last_sign_of_life() -> None:
    with socket_pair() as (connection, peer):
        before_s, bytes_out = connection.last_seen_s, connection.bytes_out
        peer.text("abc")
        connection.receive(SOON_S)
        connection.send("abcd")
        assert connection.flush(SOON_S)
        assert (connection.messages_in, connection.messages_out) == (1, 1)
        assert (connection.bytes_in, connection.bytes_out - bytes_out) == (6 + 3, 2 + 4)
        assert connection.queued_bytes == 0
        assert connection.last_seen_s > before_s


def test_text_that_has_no_utf8_is_refused_and_harmless() -> None:
    with socket_pair() as (connection, peer):
        with pytest.raises(UnicodeEncodeError):
            connection.send("\ud800")
        connection.send("fine")
        assert peer.read() == (TEXT, b"fine")


@pytest.mark.parametrize("limit", ["max_message_bytes", "max_queue_bytes", "write_timeout_s"])
def test_senseless_limits_are_refused(limit: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        ConnectionOptions(**cast(Any, {limit: 0}))
