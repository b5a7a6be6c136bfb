"""An attempt fails, expires or is lost, and the job goes on. Numbers are those of the list of failings."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.peers import failure
from tests.stack import Stack, wait_until

Pair = tuple[str, str]


@pytest.fixture(scope="module")
def hasty() -> Iterator[Stack]:
    """Give a system that gives nobody much time, and every job two attempts."""
    with Stack(
        ack_ms=500, attempt_ms=1500, wait_ms=500, relax_ms=100, max_attempts=2, resource_threshold=100
    ) as stack:
        yield stack
        stack.assert_clean_logs()


def test_2_expired_attempt_gives_its_slot_back(hasty: Stack) -> None:
    """A node that falls silent on a job is told to stop it, and is not lost for the next one."""
    silent = [True]
    answer = lambda job: None if silent[0] else {"success": True, "text_asr": "now"}  # noqa: E731
    with hasty.node(("slow", "lost"), slots=1, answer=answer) as node, hasty.client("slow", "lost") as client:
        client.say()
        assert client.wait("error")["code"] == "JOB_TIMEOUT"
        assert client.result()["reason"] == "result_timeout"
        node.wait("job_cancel", nth=2)
        assert [cancel["job_id"] for cancel in node.all("job_cancel")] == [job["job_id"] for job in node.jobs]
        assert len(node.jobs) == 2, "both attempts went to the only node there is"
        silent[0] = False
        client.say()
        assert client.texts(2) == ["-", "now"]


def test_a_node_without_progress_loses_its_job_to_another(hasty: Stack) -> None:
    """The old one is told to stop; what it says afterwards changes nothing."""
    pair = ("stuck", "helped")
    with hasty.node(pair, answer=None) as stuck, hasty.client(*pair) as client:
        client.say()
        first = stuck.job()
        with hasty.node(pair) as other:
            assert stuck.wait("job_cancel")["job_id"] == first["job_id"]
            assert other.job()["attempt_id"] == 2
            stuck.answer(first, text_asr="too late")
            assert client.texts(1) == ["stuck 0"]
            client.say()
            client.result(2)
        assert not client.all("error")


def test_a_node_that_acknowledged_before_is_held_to_it(hasty: Stack) -> None:
    """It has shown that it does, so its silence means that the job did not arrive."""
    pair = ("ack", "missing")
    with hasty.node(pair, answer=None) as node, hasty.client(*pair) as client:
        client.say()
        node.accept(node.job())
        client.wait("ui_event", event="NODE_ACCEPTED")
        node.answer(node.job())
        client.result(1)
        with hasty.node(pair, answer=None, ours=True) as other:
            client.say()
            wait_until(lambda: len(node.jobs) + len(other.jobs) == 3, "both to be asked")
            silent, heard = sorted((node, other), key=lambda each: int(each.jobs[-1]["attempt_id"]))
            assert heard.jobs[-1]["attempt_id"] == 2
            heard.answer(heard.jobs[-1])
            assert silent.wait("job_cancel")["job_id"] == silent.jobs[-1]["job_id"]
            assert client.texts(2) == ["ack 0", "ack 1"]


def test_a_long_step_is_not_taken_from_a_node_that_lists_it(hasty: Stack) -> None:
    """A real agent, whose pipeline shows nothing for twice as long as an attempt may be silent."""
    words = [
        "web.command", "node", "--node-id", "slow", "--pipeline", "echo", "--pairs", "long-step",
        "--service-ms", "3000", "--heartbeat-s", "0.4", "--url", hasty.webs[0].url("/ws/node"),
    ]  # fmt: skip
    agent = hasty.start("slow-agent", words)
    hasty.wait_dispatchable("slow")
    with hasty.client("long", "step") as client:
        client.say(b"a word  " * 400)
        client.wait("ui_event", event="NODE_ACCEPTED")
        with hasty.node(("long", "step"), answer=None) as idle:
            assert client.result()["type"] == "translation_result"
            assert not idle.jobs
        assert not client.all("error")
    agent.kill()


def test_attempts_of_one_job_on_one_node_have_ids_of_their_own(hasty: Stack) -> None:
    """Existing agents silently refuse the job id they had before."""
    with hasty.node(("same", "node"), answer=None) as node, hasty.client("same", "node") as client:
        client.say()
        first, second = node.job(1), node.job(2)
        assert first["job_id"] != second["job_id"]
        assert (first["attempt_id"], second["attempt_id"]) == (1, 2)
        node.answer(second)
        assert client.result()["job_id"] == first["job_id"], "the client knows but one job"


def test_1_a_node_that_never_acknowledges_works(hasty: Stack) -> None:
    """Existing agents never do; only one that acknowledged before is held to it."""
    with hasty.node(("no", "ack"), answer=None) as node, hasty.client("no", "ack") as client:
        client.say()
        job = node.job()
        time.sleep(0.7)  # past the time for an acknowledgement, which nothing announces
        node.partial(job, "still at it")
        client.wait("asr_partial")
        node.answer(job)
        assert client.texts(1) == ["no 0"]
        assert not client.all("ui_event", event="NODE_ACCEPTED")


def test_1_results_said_twice_free_one_slot(stack: Stack, pair: Pair) -> None:
    """Two slots, and the first job's result comes three times: no other job's slot is freed by it."""
    with stack.node(pair, slots=2, answer=None) as node, stack.client(*pair) as client:
        for _ in range(5):
            client.say()
        first = node.job(1)
        for _ in range(3):
            node.answer(first)
        node.job(3)
        node.heartbeat(running_jobs=2, draining=True)
        node.wait("node_status", status="draining")
        assert len(node.jobs) == 3, "one slot was freed once"
        assert client.texts(1) == [f"{pair[0]} 0"]


def test_5_only_the_running_attempt_is_heard(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, answer=None) as lost, stack.client(*pair) as client:
        client.say()
        stale = lost.job()
        with stack.node(pair, answer=None) as other:
            lost.answer(stale, success=False, error={"code": "MODEL_NOT_AVAILABLE", "message": "gone"})
            job = other.job()
            assert (job["job_id"], job["attempt_id"]) == (stale["job_id"], 2)
            before = stack.webs[0].stats()["stale_messages"]
            lost.answer(stale, text_asr="too late")
            lost.answer(job, text_asr="not its own")
            lost.partial(stale, "too late as well")
            wait_until(lambda: stack.webs[0].stats()["stale_messages"] == before + 3, "all to be counted")
            other.answer(job, text_asr="right")
            assert client.texts(1) == ["right"]
        assert not client.all("asr_partial")
        assert len(client.all("ui_event", event="DISPATCHED")) == 1, "not repeated on failover"


def test_node_error_is_cured_elsewhere(stack: Stack, pair: Pair) -> None:
    details = {"service_id": "nmt", "service_version": "1", "reason": "not_running"}
    broken = failure("MODEL_NOT_AVAILABLE", details=details)
    with stack.node(pair, answer=broken) as bad, stack.node(pair, web=1) as good:
        with stack.client(*pair) as client:
            for _ in range(4):
                client.say()
            assert client.texts(4) == [f"{pair[0]} {index}" for index in range(4)]
            assert not client.all("error")
        assert len(good.jobs) == 4
        assert bad.jobs


def test_node_lost_with_its_job_is_replaced(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, answer=None) as lost, stack.client(*pair) as client:
        client.say()
        lost.job()
        with stack.node(pair, web=1):
            lost.cut()
            assert client.texts(1) == [f"{pair[0]} 0"]


def test_a_job_that_loses_every_node_ends_in_one_clear_error(stack: Stack, pair: Pair) -> None:
    with ExitStack() as peers:
        client = peers.enter_context(stack.client(*pair))
        left = [peers.enter_context(stack.node(pair, web=web, answer=None)) for web in (0, 1, 0)]
        client.say()
        for attempt in (1, 2, 3):
            wait_until(lambda: any(node.jobs for node in left), f"attempt {attempt}")
            (victim,) = [node for node in left if node.jobs]
            assert victim.job()["attempt_id"] == attempt
            left.remove(victim)
            victim.cut()
        assert client.result()["type"] == "missing_result"
        assert client.wait("error")["code"] == "NODE_UNAVAILABLE"
        assert client.wait("ui_event", event="ERROR")["hint"]
        assert len(client.all("error")) == len(client.results) == 1


def test_failure_everywhere_ends_in_one_clear_error(stack: Stack, pair: Pair) -> None:
    """What the last node said about it used to be lost when no attempt was left."""
    broken = failure("MODEL_CORRUPTED", "checksum differs", details={"model": "nmt"})
    nodes = [stack.node(pair, answer=broken) for _ in range(3)]
    with nodes[0], nodes[1], nodes[2], stack.client(*pair) as client:
        client.say()
        assert client.result()["type"] == "missing_result"
        error = client.wait("error")
        assert (error["code"], error["message"]) == ("MODEL_CORRUPTED", "checksum differs")
        assert error["details"] == {"model": "nmt"}
        event = client.wait("ui_event", event="ERROR")
        assert event["error_code"] == "MODEL_CORRUPTED"
        assert event["hint"]
        assert len(client.all("error")) == 1
        assert [len(node.jobs) for node in nodes] == [1, 1, 1]


def test_existing_nodes_may_leave_the_error_out(stack: Stack, pair: Pair) -> None:
    nodes = [stack.node(pair, answer=lambda _: {"success": False}) for _ in range(3)]
    with nodes[0], nodes[1], nodes[2], stack.client(*pair) as client:
        client.say()
        assert client.result()["type"] == "missing_result"
        assert client.wait("error")["code"] == "PROCESSING_ERROR"


def test_resumed_node_keeps_a_later_attempt(stack: Stack, pair: Pair) -> None:
    """It lists what it runs by the ids it was given, which for a second attempt on it has a suffix."""
    with stack.client(*pair) as client:
        with stack.node(pair, answer=None, ours=True) as node:
            client.say()
            node.answer(node.job(1), success=False, error={"code": "PROCESSING_ERROR", "message": "oops"})
            second = node.job(2)
            node.accept(second)
            node.cut()
        about = [{"job_id": second["job_id"], "attempt_id": second["attempt_id"]}]
        with stack.node(
            pair, answer=None, ours=True, node_id=node.node_id, running_attempts=about
        ) as resumed:
            resumed.answer(second, text_asr="resumed")
            assert client.texts(1) == ["resumed"]
            assert not resumed.jobs


def test_resumed_node_that_lost_its_job_gets_it_again(stack: Stack, pair: Pair) -> None:
    """What it does not list it does not run: nobody waits 30 s for that."""
    with stack.client(*pair) as client:
        with stack.node(pair, answer=None, ours=True) as node:
            client.say()
            node.accept(node.job())
            node.cut()
        with stack.node(pair, ours=True, node_id=node.node_id):
            assert client.texts(1) == [f"{pair[0]} 0"]
