"""`utterance_cancel` on real sockets: whatever the utterance's state, it ends once."""

import pytest

from tests.peers import FakeClient
from tests.scheduling.sound import noise
from tests.stack import Stack, wait_until


def _cancel(client: FakeClient, index: int) -> None:
    client.send("utterance_cancel", session_id=client.session_id, utterance_index=index)


def _ends(client: FakeClient) -> list[tuple[int, str]]:
    return [(end["utterance_index"], end.get("reason", "")) for end in client.results]


@pytest.mark.parametrize("web", [0, 1])
def test_an_utterance_a_node_works_on(stack: Stack, pair: tuple[str, str], web: int) -> None:
    """The node is on this instance, or on another one; what it says too late changes nothing."""
    with (
        stack.node(pair, web=web, slots=1, answer=None) as node,
        stack.client(*pair) as client,
    ):
        client.say()
        job = node.job()
        client.say()
        _cancel(client, 0)
        assert node.wait("job_cancel")["job_id"] == job["job_id"]
        node.answer(job)
        node.answer(node.job(2))
        client.result(2)
        assert _ends(client) == [(0, "cancelled"), (1, "")]
        assert not client.all("error")
        assert not client.all("ui_event", event="ERROR")


def test_an_utterance_that_waits(stack: Stack, pair: tuple[str, str]) -> None:
    with stack.node(pair, slots=1, answer=None) as node, stack.client(*pair) as client:
        client.say()
        job = node.job()
        client.say()
        stack.wait_waiting(1)
        _cancel(client, 1)
        stack.wait_waiting(0)
        assert not client.results, "its turn comes after the first"
        node.answer(job)
        client.result(2)
        assert _ends(client) == [(0, ""), (1, "cancelled")]
        assert len(node.jobs) == 1


def test_the_utterance_being_spoken(stack: Stack, pair: tuple[str, str]) -> None:
    """What was heard is dropped; what is said next is an utterance of its own."""
    with stack.node(pair) as node, stack.client(*pair) as client:
        client.chunk(noise(3200, 1))
        _cancel(client, 0)
        client.result()
        client.chunk(noise(3200, 2), final=True)
        client.result(2)
        assert _ends(client) == [(0, "cancelled"), (1, "")]
        assert [job["utterance_index"] for job in node.jobs] == [1]


def test_one_that_is_not_under_way(stack: Stack, pair: tuple[str, str]) -> None:
    with stack.node(pair), stack.client(*pair) as client:
        client.say()
        client.result()
        for nth, index in enumerate((0, 1, 99), start=1):
            _cancel(client, index)
            error = client.wait("error", nth)
            assert error["code"] == "INVALID_MESSAGE"
            assert f"Utterance {index} is not under way" in error["message"]
        client.say()
        client.result(2)
        assert _ends(client) == [(0, ""), (1, "")]


def test_a_second_cancel_does_no_harm(stack: Stack, pair: tuple[str, str]) -> None:
    with stack.node(pair, answer=None) as node, stack.client(*pair) as client:
        client.say()
        node.job()
        _cancel(client, 0)
        _cancel(client, 0)
        client.result()
        client.send("session_close", session_id=client.session_id, reason="done")
        client.wait("session_close_ack")
        assert _ends(client) == [(0, "cancelled")]


def test_13_audio_of_a_cancelled_utterance_is_not_kept(stack: Stack, pair: tuple[str, str]) -> None:
    with stack.node(pair, answer=None) as node, stack.client(*pair) as client:
        client.say()
        body = f"sd:{{0}}:body:a:{node.job()['job_id']}"
        with stack.redis as ledger:
            wait_until(lambda: bool(ledger.exists(body)), "the audio to be stored")
            _cancel(client, 0)
            client.result()
            wait_until(lambda: not ledger.exists(body), "the audio to be dropped")


def test_the_index_can_be_said_again_at_once(stack: Stack, pair: tuple[str, str]) -> None:
    """A one-shot utterance has the index its client gives it."""
    with stack.node(pair, slots=1, answer=None) as node, stack.client(*pair) as client:
        client.utterance(7)
        node.job()
        _cancel(client, 7)
        client.result()
        client.utterance(7)
        node.answer(node.job(2))
        client.result(2)
        assert _ends(client) == [(7, "cancelled"), (7, "")]
