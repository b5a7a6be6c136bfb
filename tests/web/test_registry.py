"""The registry counts, reaches and ends connections."""

from __future__ import annotations

from contextlib import ExitStack

import gevent

from tests.web.raw_peer import RawPeer
from tests.web.socket_pair import socket_pair
from web.close_codes import CloseCode
from web.connection import Connection
from web.registry import Registry, Traffic

SOON_S = 10.0


def opened(registry: Registry, stack: ExitStack, count: int) -> list[tuple[Connection, RawPeer]]:
    """Register this many connections, which the stack ends."""
    pairs = [stack.enter_context(socket_pair()) for _ in range(count)]
    for connection, _ in pairs:
        registry.add(connection)
    return pairs


def test_it_holds_what_is_open_and_survives_changes_while_iterated() -> None:
    registry = Registry()
    assert (len(registry), list(registry)) == (0, [])
    with ExitStack() as stack:
        first, second, third = (connection for connection, _ in opened(registry, stack, 3))
        assert list(registry) == [first, second, third]
        for connection in registry:
            registry.discard(connection)
        registry.discard(first)
        assert len(registry) == 0


def test_traffic_counts_the_open_and_the_ended_and_why_they_ended() -> None:
    registry = Registry()
    with ExitStack() as stack:
        (ended, ended_peer), (open_, open_peer) = opened(registry, stack, 2)
        for connection, peer in ((ended, ended_peer), (open_, open_peer)):
            peer.text("abc")
            connection.receive(SOON_S)
            connection.send("hello")
            assert connection.flush(SOON_S)
        ended.close(CloseCode.REPLACED)
        assert ended.flush(SOON_S)
        expected = Traffic().plus(ended).plus(open_)
        registry.discard(ended)
        assert registry.traffic() == expected
        assert (expected.messages_in, expected.messages_out, expected.bytes_in) == (2, 2, 2 * (6 + 3))
        assert registry.close_codes == {CloseCode.REPLACED: 1}


def test_close_all_tells_everyone_and_wait_empty_sees_the_last_one_go() -> None:
    registry = Registry()
    with ExitStack() as stack:
        pairs = opened(registry, stack, 4)
        assert not registry.wait_empty(0)
        assert registry.close_all(CloseCode.RESTART, lambda place: f"come back in {4 * place:g} s", 0.02) == 4
        for number, (connection, peer) in enumerate(pairs):
            assert peer.read_close() == (CloseCode.RESTART, f"come back in {number} s")
            gevent.spawn(registry.discard, connection)
        assert registry.wait_empty(SOON_S)


def test_close_all_of_nothing() -> None:
    assert Registry().close_all(CloseCode.RESTART, str, spread_s=100.0) == 0
    assert Registry().wait_empty(0)
