"""Pings to the living, and the end of the silent."""

from __future__ import annotations

import logging
import time

import gevent
import pytest
from gevent.queue import Queue

from tests.web.raw_peer import CLOSE, PING, PONG
from tests.web.socket_pair import socket_pair
from web.close_codes import CloseCode
from web.connection import ConnectionClosed
from web.keepalive import Keepalive

SOON_S = 10.0


class Noted:
    """Notes its pings where a test can wait for them."""

    def __init__(self, name: str, pings: Queue[str]) -> None:
        self.name = name
        self.pings = pings

    def keep_alive(self, now_s: float, interval_s: float) -> None:
        self.pings.put(self.name)


class Failing(Noted):
    """Fails when pinged."""

    def keep_alive(self, now_s: float, interval_s: float) -> None:
        super().keep_alive(now_s, interval_s)
        raise RuntimeError("no")


def test_every_connection_is_pinged_in_turn_again_and_again() -> None:
    keepalive, pings = Keepalive(interval_s=0.02), Queue[str]()
    connections = [Noted(name, pings) for name in "abc"]
    for connection in connections:
        keepalive.add(connection)
    assert [pings.get(timeout=SOON_S) for _ in range(9)] == list("abcabcabc")
    for connection in connections:
        keepalive.discard(connection)


def test_a_connection_that_has_gone_is_left_alone_and_the_next_starts_the_pinger_again() -> None:
    keepalive, pings = Keepalive(interval_s=0.02), Queue[str]()
    gone, last, later = (Noted(name, pings) for name in ("gone", "last", "later"))
    keepalive.add(gone)
    keepalive.add(last)
    keepalive.discard(gone)
    assert pings.get(timeout=SOON_S) == "last"
    keepalive.discard(last)
    keepalive.discard(last)
    gevent.sleep(0.05)
    assert pings.empty()
    keepalive.add(later)
    assert pings.get(timeout=SOON_S) == "later"
    keepalive.discard(later)


def test_one_that_fails_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    keepalive, pings = Keepalive(interval_s=0.02), Queue[str]()
    failing, fine = Failing("failing", pings), Noted("fine", pings)
    keepalive.add(failing)
    keepalive.add(fine)
    with caplog.at_level(logging.CRITICAL + 1, logger="web.keepalive"):
        assert [pings.get(timeout=SOON_S) for _ in range(4)] == ["failing", "fine"] * 2
    keepalive.discard(failing)
    keepalive.discard(fine)


class Silent:
    """Notes for how long it was silent whenever it is looked at."""

    def __init__(self) -> None:
        self.last_seen_s = time.monotonic()
        self.silent_s = Queue[float]()

    def keep_alive(self, now_s: float, interval_s: float) -> None:
        self.silent_s.put(now_s - self.last_seen_s)


def test_peers_are_not_silent_because_this_process_was_stopped() -> None:
    """After a pause of two intervals all that had nothing to say were closed: no ping had asked them."""
    keepalive, peer = Keepalive(interval_s=0.05), Silent()
    keepalive.add(peer)
    until_s = time.monotonic() + 0.5
    while time.monotonic() < until_s:
        pass  # nothing else runs, as in a process that is stopped
    assert peer.silent_s.get(timeout=SOON_S) < 2 * keepalive.interval_s
    keepalive.discard(peer)


def test_pings_are_sent_and_any_pong_is_a_sign_of_life() -> None:
    with socket_pair() as (connection, peer):
        born_s = connection.last_seen_s
        connection.keep_alive(born_s + 39.9, 20.0)
        assert peer.read() == (PING, b"")
        peer.send(PONG)
        assert connection.receive(0.1) is None
        connection.keep_alive(born_s + 40.0, 20.0)
        assert peer.read() == (PING, b"")
        assert not connection.closed


def test_two_silent_intervals_end_a_connection() -> None:
    """A half-open connection, whose peer lost its power or its network, never says so: without this it
    stays, and its node's leases with it, for the hours TCP needs."""
    with socket_pair() as (connection, peer):
        connection.keep_alive(connection.last_seen_s + 40.0, 20.0)
        with pytest.raises(ConnectionClosed) as closed:
            connection.receive()
        assert closed.value.reason == CloseCode.SILENT_PEER
        assert peer.read_close() == (CloseCode.SILENT_PEER, "No frame and no pong came for 40 s")


def test_a_peer_whose_bytes_we_have_not_read_is_not_silent() -> None:
    """A handler that worked for a minute came back to find its talkative peer closed as silent."""
    with socket_pair() as (connection, peer):
        peer.text("hello?")
        gevent.sleep(0.01)
        connection.keep_alive(connection.last_seen_s + 1000.0, 20.0)
        assert connection.receive(SOON_S) == "hello?"


def test_an_ended_connection_is_not_pinged() -> None:
    with socket_pair() as (connection, peer):
        connection.close()
        connection.keep_alive(connection.last_seen_s, 20.0)
        assert connection.flush(SOON_S)
        connection.hang_up()
        connection.keep_alive(connection.last_seen_s + 1000.0, 20.0)
        assert peer.read_all() == [(CLOSE, b"\x03\xe8")]
