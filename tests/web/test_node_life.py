"""The life of a node as its owner sees it: over its socket, from a running server."""

from collections.abc import Iterator
from typing import Any

import pytest

from scheduling.ledger import Ledger
from scheduling.settings import Settings
from scheduling.store.plain import PlainStore
from tests.peers import FakeNode, failure
from tests.stack import Stack, wait_until

Pair = tuple[str, str]

NMT = {"type": "nmt", "device": "gpu", "status": "running"}
SERVICES = [
    {"type": kind, "device": "gpu", "status": "running", "service_id": f"{kind}-1"} for kind in ("asr", "tts")
]


@pytest.fixture
def ledger(stack: Stack) -> Iterator[Ledger]:
    """Give the hands of an operator elsewhere."""
    with PlainStore(stack.valkey.url) as store:
        yield Ledger(store, Settings(redis_url=stack.valkey.url))


def lacks(service: str) -> Any:
    return failure("MODEL_NOT_AVAILABLE", details={"service_id": service, "reason": "not_found"})


def offers(node: FakeNode, *nmt: str) -> None:
    """Heartbeat with these translation services besides speech."""
    node.heartbeat(installed_services=[*SERVICES, *({**NMT, "service_id": name} for name in nmt)])


def test_a_change_that_an_operator_makes_is_told_at_once(stack: Stack, ledger: Ledger, pair: Pair) -> None:
    """The node's next heartbeat is 15 s away, and the operator sits at another process."""
    with stack.node(pair) as node:
        ledger.nodes.drain(node.node_id, "operator", "repair at noon")
        assert node.wait("node_status", status="draining")["reason"] == "repair at noon"
        ledger.nodes.drain(node.node_id, "", "repaired")
        assert node.wait("node_status", status="registering")["reason"] == "repaired"
        node.heartbeat()
        node.wait("node_status", 2, status="ready")


def test_a_node_in_quarantine_loses_its_jobs_to_another(stack: Stack, ledger: Ledger, pair: Pair) -> None:
    with stack.node(pair, answer=None) as bad, stack.client(*pair) as client:
        client.say()
        job = bad.job()
        with stack.node(pair):
            ledger.nodes.drain(bad.node_id, "quarantine", "it translates rubbish")
            assert client.texts(1) == [f"{pair[0]} 0"]
            assert bad.wait("job_cancel")["job_id"] == job["job_id"]
            bad.answer(job, text_asr="rubbish")
            client.say()
            assert client.texts(2) == [f"{pair[0]} 0", f"{pair[0]} 1"]


def test_attempts_that_are_not_its_own_any_more_are_aborted_when_it_comes_back(
    stack: Stack, pair: Pair
) -> None:
    url = stack.webs[0].url("/ws/node")
    with FakeNode(
        url, pair, ours=True, beat=False, running_attempts=[{"job_id": "job-long-gone", "attempt_id": 1}]
    ) as node:
        assert node.wait("job_cancel")["job_id"] == "job-long-gone"
        assert not node.all("node_status")


def test_a_heartbeat_that_lists_a_foreign_attempt_is_answered_with_a_cancel(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, ours=True, answer=None) as node, stack.client(*pair) as client:
        client.say()
        job = node.job()
        own = {"job_id": job["job_id"], "attempt_id": job["attempt_id"]}
        node.heartbeat(running_attempts=[own, {"job_id": "job-of another", "attempt_id": 2}])
        assert node.wait("job_cancel")["job_id"] == "job-of another"
        node.answer(job)
        client.texts(1)
        assert len(node.all("job_cancel")) == 1


def test_a_model_that_is_not_there_keeps_that_work_away(stack: Stack, pair: Pair) -> None:
    """Node after node was sent what it could not do, and each utterance lost its attempts there."""
    with stack.node(pair, answer=lacks("nmt-1")) as poor, stack.client(*pair) as client:
        offers(poor, "nmt-1")
        with stack.node(pair) as able:
            for turn in range(1, 5):
                client.say()
                client.texts(turn)
            assert len(poor.jobs) <= 1
            assert len(able.jobs) == 4
            assert '"nmt"' not in stack.record_of(poor.node_id)["class_json"]


def test_a_model_that_is_not_there_leaves_the_other_models_of_its_kind(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, answer=None) as node, stack.client(*pair) as client:
        offers(node, "nmt-1", "nmt-2")
        client.say()
        node.answer(node.job(), **lacks("nmt-1")({}), text_asr=None)
        node.answer(node.job(2))
        assert client.texts(1) == [f"{pair[0]} 0"]


def test_a_marked_model_comes_back_when_its_time_is_over(pair: Pair) -> None:
    with (
        Stack(model_mark_ms=1000) as stack,
        stack.node(pair, answer=None) as node,
        stack.client(*pair) as client,
    ):
        offers(node, "nmt-1")
        client.say()
        node.answer(node.job(), **lacks("nmt-1")({}))

        def is_back() -> bool:
            offers(node, "nmt-1")
            return len(node.jobs) > 1

        wait_until(is_back, "the job to come once more")
        node.answer(node.job(2))
        assert client.texts(1) == [f"{pair[0]} 0"]


def test_a_node_that_beats_more_seldom_than_silence_allows_lives_by_its_pongs(pair: Pair) -> None:
    """It went offline and came back with every heartbeat."""
    with (
        Stack(silence_ms=1000, grace_ms=300, ping_s=0.4) as stack,
        stack.node(pair, heartbeat_interval_s=60) as node,
    ):
        began = stack.record_of(node.node_id)

        def lived_on() -> bool:
            seen_ms = int(stack.record_of(node.node_id)["seen_ms"])
            return seen_ms > int(began["seen_ms"]) + 2500

        wait_until(lived_on, "pongs to be noted for longer than silence")
        assert not node.all("node_status", status="offline")
        assert stack.record_of(node.node_id)["status_seq"] == began["status_seq"]


def test_marks_outlast_a_new_socket(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, answer=lacks("nmt-1")) as poor, stack.client(*pair) as client:
        offers(poor, "nmt-1")
        client.say()
        poor.job()
        wait_until(lambda: '"nmt"' not in stack.record_of(poor.node_id)["class_json"], "the mark")
        url = stack.webs[0].url("/ws/node")
        with FakeNode(url, pair, node_id=poor.node_id, beat=False, answer=None) as again:
            offers(again, "nmt-1")
            again.wait("node_status")
            assert '"nmt"' not in stack.record_of(poor.node_id)["class_json"]
