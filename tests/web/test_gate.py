"""How many peers are let in at once, and what the others are told."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection

from agent.backoff import hint_s, refusal_reason
from tests.web.socket_server import SocketServer, open_client, socket_server
from web.close_codes import CloseCode
from web.gate import Gate


class Clock:
    """Time that passes when told."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_is_let_in_and_the_rest_at_the_rate() -> None:
    gate = Gate(50.0, 8)
    admitted = [gate.admit(is_node=False) is None for _ in range(20)]
    assert admitted == [True] * 6 + [False] * 14
    assert gate.refused == 14
    for _ in range(5):  # of 20 ms
        gate.turn()
    assert [gate.admit(is_node=False) is None for _ in range(6)] == [True] * 5 + [False]
    while not gate.turn():
        pass
    assert sum(gate.admit(is_node=False) is None for _ in range(20)) == 6


def test_nodes_come_in_when_clients_do_not() -> None:
    gate = Gate(10.0, 8, Clock())
    while gate.admit(is_node=False) is None:
        pass
    assert [gate.admit(is_node=True) is None for _ in range(3)] == [True, True, False]


def test_those_turned_away_come_back_one_after_the_other() -> None:
    """With one hint for all, a crowd comes back as the same crowd."""
    clock = Clock()
    gate = Gate(50.0, 4, clock)
    told = [after_s for _ in range(103) if (after_s := gate.admit(is_node=False)) is not None]
    assert told == pytest.approx([1.02 + 0.02 * place for place in range(100)])
    for _ in told:
        gate.turn()
        assert gate.admit(is_node=False) is None


def test_nobody_is_sent_away_for_longer_than_a_session_is_kept() -> None:
    gate = Gate(10.0, 4, Clock())
    told = [after_s for _ in range(5000) if (after_s := gate.admit(is_node=False)) is not None]
    assert min(told) >= 1.0 and max(told) <= 30.0
    assert len({round(after_s) for after_s in told[400:]}) > 25, "spread over all of that time"


@pytest.fixture
def narrow() -> Iterator[SocketServer]:
    """Give a server that lets 6 clients in, and one more in 100 s."""
    with socket_server(env={"GATE_PER_S": "0.01", "GATE_BURST": "8"}) as running:
        yield running
        assert running.troubles() == []


@pytest.fixture
def inside(narrow: SocketServer) -> Iterator[list[ClientConnection]]:
    """Let in as many as may come at once."""
    with ExitStack() as stack:
        yield [stack.enter_context(open_client(narrow, "/echo")) for _ in range(6)]


def test_too_many_are_told_in_http_when_to_come_back_and_others_do_not_notice(
    narrow: SocketServer, inside: list[ClientConnection]
) -> None:
    """5,000 that reconnected in the same second were all let in: for seconds nobody else was heard."""
    for _ in range(3):
        with pytest.raises(InvalidStatus) as refused, open_client(narrow, "/echo"):
            pass
        response = refused.value.response
        assert response.status_code == 503
        assert 1 <= int(response.headers["Retry-After"]) <= 30
        assert 1 <= (hint_s(refusal_reason(refused.value)) or 0) <= 30
    for number, peer in enumerate(inside):
        peer.send(str(number))
        assert peer.recv(timeout=30) == str(number)
    with open_client(narrow, "/node") as node:
        node.send("here")
        assert node.recv(timeout=30) == "here"
    assert narrow.get("/stats")["refused"] == 3


@pytest.mark.usefixtures("inside")
def test_a_script_in_a_browser_is_told_in_a_close_reason(narrow: SocketServer) -> None:
    """It is not shown the answer to a handshake: it saw 1006, and tried again at once."""
    with (
        open_client(narrow, "/echo", origin="https://talk.example") as late,
        pytest.raises(ConnectionClosedError) as closed,
    ):
        late.recv(timeout=30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.TRY_AGAIN_LATER
    assert 1 <= (hint_s(closed.value.rcvd.reason) or 0) <= 30
