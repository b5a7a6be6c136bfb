"""The steps of an utterance, for a client that asks for them and one that does not."""

import pytest

from tests.peers import FakeClient, Frame
from tests.scheduling.sound import noise
from tests.stack import Stack


def _steps(client: FakeClient, index: int) -> list[str]:
    return [event["event"] for event in client.all("ui_event", utterance_index=index)]


def _step(client: FakeClient, name: str, index: int) -> Frame:
    return client.wait("ui_event", event=name, utterance_index=index)


@pytest.mark.parametrize("web", [0, 1])
def test_the_journey_of_utterances(stack: Stack, pair: tuple[str, str], web: int) -> None:
    """The node is on this instance, or on another one."""
    with (
        stack.node(pair, web=web, slots=1, ours=True, answer=None) as node,
        stack.client(*pair, journey=True, trace_id="t") as client,
    ):
        client.chunk(noise(3200))
        assert _step(client, "INPUT_STARTED", 0)["trace_id"] == "t"
        assert not client.all("ui_event", event="INPUT_ENDED")
        client.chunk(noise(3200))
        client.say()
        assert _step(client, "INPUT_ENDED", 0)["hint"] == "manual"
        job = node.job()
        node.accept(job)
        assert _step(client, "NODE_ACCEPTED", 0)["node_id"] == node.node_id
        client.say()
        waiting = _step(client, "WAITING", 1)
        assert waiting["job_id"]
        node.answer(job)
        node.answer(node.job(2))
        assert client.texts(2) == [f"{pair[0]} 0", f"{pair[0]} 1"]
        dispatched = [_step(client, "DISPATCHED", index) for index in (0, 1)]
        assert {event["node_id"] for event in dispatched} == {node.node_id}
        assert dispatched[1]["job_id"] == waiting["job_id"]
        assert _steps(client, 0).count("INPUT_STARTED") == 1
        assert _steps(client, 1)[:4] == ["INPUT_STARTED", "INPUT_ENDED", "WAITING", "DISPATCHED"]
        assert "node_id" not in _step(client, "ASR_FINAL", 0)


def test_a_whole_utterance_has_a_journey_too(stack: Stack, pair: tuple[str, str]) -> None:
    with stack.node(pair), stack.client(*pair, journey=True) as client:
        client.utterance(7)
        client.result()
        assert _steps(client, 7)[:3] == ["INPUT_STARTED", "INPUT_ENDED", "DISPATCHED"]
        client.say()
        assert _step(client, "INPUT_STARTED", 0)


def test_the_journey_goes_on_at_another_node(stack: Stack, pair: tuple[str, str]) -> None:
    with stack.node(pair, answer=None) as first, stack.client(*pair, journey=True) as client:
        client.say()
        first.job()
        with stack.node(pair) as second:
            first.cut()
            client.result()
            moved = [event["node_id"] for event in client.all("ui_event", event="DISPATCHED")]
            assert moved == [first.node_id, second.node_id]


def test_others_see_what_they_always_saw(stack: Stack, pair: tuple[str, str]) -> None:
    with (
        stack.node(pair, slots=1, ours=True, answer=None) as node,
        stack.client(*pair) as client,
    ):
        client.chunk(noise(3200))
        client.say()
        client.say()
        for nth in (1, 2):
            job = node.job(nth)
            node.accept(job)
            node.answer(job)
        client.texts(2)
        events = client.all("ui_event")
        assert {event["event"] for event in events} == {
            "DISPATCHED",
            "NODE_ACCEPTED",
            "ASR_FINAL",
            "NMT_DONE",
        }
        assert not any("node_id" in event for event in events)
