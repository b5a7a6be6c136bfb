"""What one session may have under way, how its talker learns to wait, and when silence ends it."""

from collections.abc import Iterator

import pytest

from tests.scheduling.sound import noise
from tests.stack import Stack

MOST = 4


@pytest.fixture(scope="module")
def small() -> Iterator[Stack]:
    """Give a process whose sessions may have four utterances under way; a cell where two may wait."""
    with Stack(max_in_flight=MOST, max_waiting=2, tenant_waiting_percent=100) as stack:
        yield stack
        stack.assert_clean_logs()


def test_more_than_may_be_under_way_is_refused_with_a_time(small: Stack, pair: tuple[str, str]) -> None:
    with small.node(pair, slots=8, answer=None) as node, small.client(*pair) as client:
        for _ in range(MOST + 1):
            client.say()
        error = client.wait("error")
        assert error["code"] == "NODE_OVERLOADED"
        assert error["details"] == {"utterance_index": MOST, "retry_after_ms": 1000}
        node.job(MOST)
        assert len(node.jobs) == MOST
        for job in node.jobs:
            node.answer(job)
        client.result(MOST)
        client.say()
        node.answer(node.job(MOST + 1))
        assert client.texts(MOST + 1)[-1] == f"{pair[0]} {MOST + 1}"


def test_the_talker_is_asked_to_slow_down_and_to_pause_before_that(
    small: Stack, pair: tuple[str, str]
) -> None:
    with small.node(pair, slots=8, answer=None) as node, small.client(*pair) as client:
        client.say()
        client.say()
        assert client.wait("backpressure") == {
            "type": "backpressure",
            "action": "SLOW_DOWN",
            "resume_after_ms": 500,
        }
        client.say()
        assert client.wait("backpressure", 2)["action"] == "PAUSE"
        assert client.all("backpressure")[1]["resume_after_ms"] == 1000
        for nth in (1, 2, 3):
            node.answer(node.job(nth))
        client.result(3)
        assert not client.all("error")


def test_3_a_talker_whose_jobs_wait_is_told(small: Stack, pair: tuple[str, str]) -> None:
    """The earlier server took what no node had room for, and said nothing for ten seconds."""
    with small.node(pair, slots=1, answer=None) as node, small.client(*pair) as client:
        client.say()
        client.say()
        assert client.wait("backpressure")["action"] == "BUSY"
        for nth in (1, 2):
            node.answer(node.job(nth))
        assert client.texts(2) == [f"{pair[0]} 0", f"{pair[0]} 1"]


def test_a_full_queue_pauses_the_talker(small: Stack, pair: tuple[str, str]) -> None:
    with (
        small.node(pair, slots=1, answer=None) as node,
        small.client(*pair) as first,
        small.client(*pair) as second,
    ):
        for _ in range(3):
            first.say()
        node.job()
        small.wait_waiting(2)
        second.say()
        assert second.wait("error")["code"] == "NODE_OVERLOADED"
        pause = second.wait("backpressure")
        assert pause["action"] == "PAUSE"
        assert 1000 <= pause["resume_after_ms"] <= 5000
        for nth in (1, 2, 3):
            node.answer(node.job(nth))
        first.result(3)


def test_a_session_nobody_uses_is_closed_with_a_sentence(pair: tuple[str, str]) -> None:
    """Not while something is under way, and not while its client heartbeats."""
    with Stack(idle_s=1.0) as stack, stack.node(pair, answer=None) as node, stack.client(*pair) as client:
        client.say()
        job = node.job()
        client.chunk(noise(3200))
        with pytest.raises(AssertionError, match="never came"):
            client.wait("error", within_s=1.5)
        node.answer(job)
        client.send("utterance_cancel", session_id=client.session_id, utterance_index=1)
        client.result(2)
        assert client.wait("error")["code"] == "SESSION_CLOSED"
        code, reason = client.wait_closed()
        assert (code, reason) == (4004, "Nothing came for 1 s. Start a new session when somebody speaks.")
        stack.assert_clean_logs()


def test_heartbeats_keep_a_session(pair: tuple[str, str]) -> None:
    with Stack(idle_s=1.0) as stack, stack.client(*pair) as client:
        for nth in range(1, 6):
            client.send("client_heartbeat", session_id=client.session_id, timestamp=nth)
            client.wait("server_heartbeat", nth)
            with pytest.raises(AssertionError, match="never came"):
                client.wait("error", within_s=0.3)
