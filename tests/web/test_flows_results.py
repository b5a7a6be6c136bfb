"""From an utterance to its result. Numbers are those of the list of failings."""

import time
from collections.abc import Iterator

import pytest
import redis

from tests.peers import FakeClient, FakeNode, failure
from tests.stack import Stack, wait_until

Pair = tuple[str, str]


@pytest.fixture(scope="module")
def hasty() -> Iterator[Stack]:
    """Give a system that gives nobody much time, and every job two attempts."""
    with Stack(ack_ms=500, attempt_ms=1500, wait_ms=500, relax_ms=100, max_attempts=2) as stack:
        yield stack
        stack.assert_clean_logs()


def _events(client: FakeClient) -> list[str]:
    return [frame["event"] for frame in client.all("ui_event")]


def test_creation_and_completion_with_every_event(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, ours=True), stack.client(*pair, trace_id="trace-7") as client:
        client.chunk(bytes(3200), final=True, client_timestamp_ms=1)
        result = client.result()
        accepted = ["DISPATCHED", "NODE_ACCEPTED", "ASR_FINAL", "NMT_DONE"]
        assert _events(client) == accepted
        for event in client.all("ui_event"):
            assert (event["session_id"], event["trace_id"]) == (client.session_id, "trace-7")
            assert (event["job_id"], event["utterance_index"], event["status"]) == (result["job_id"], 0, "ok")
        assert client.frames[-1] == result, "the result comes after its events"
        assert result["text_translated"] == f"{pair[1]} 0"
        assert result["tts_audio"] == "c3BlZWNoIDA="
        assert result["service_timings"] == {"total_ms": 5}
        assert {"scheduler_to_node_ms", "web_to_scheduler_ms"} <= result["network_timings"].keys()
        assert (result["trace_id"], result["part_index"]) == ("trace-7", 0)
        assert result["group_id"]
        assert result["scheduler_sent_at_ms"] > 0


def test_silence_is_a_missing_result(stack: Stack, pair: Pair) -> None:
    """Agents report what they filtered as success with empty texts."""
    nothing = {"success": True, "text_asr": "", "text_translated": "", "tts_audio": ""}
    with stack.node(pair, answer=lambda _: nothing), stack.client(*pair) as client:
        client.say()
        missing = client.result()
        assert (missing["type"], missing["reason"]) == ("missing_result", "silence_detected")
        assert missing["utterance_index"] == 0


def test_3_no_node_is_said_at_once_and_takes_no_place_in_the_order(stack: Stack, pair: Pair) -> None:
    with stack.client(*pair) as client:
        client.say()
        error = client.wait("error")
        assert error["code"] in ("NO_AVAILABLE_NODE", "UNSUPPORTED_FEATURE")
        assert error["details"]["utterance_index"] == 0
        assert client.wait("ui_event", event="ERROR")["error_code"] == error["code"]
        with stack.node(pair):
            client.say()
            assert client.texts(1) == [f"{pair[0]} 1"]


def test_3_no_node_at_all() -> None:
    with Stack() as empty, empty.client() as client:
        client.say()
        error = client.wait("error")
        assert error["code"] == "NO_AVAILABLE_NODE"
        assert "Try again" in error["message"]
        empty.assert_clean_logs()


def test_3_waiting_job_is_served_when_a_slot_frees(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, slots=1, answer=None) as node, stack.client(*pair) as client:
        for _ in range(3):
            client.say()
        for nth in (1, 2, 3):
            job = node.job(nth)
            assert len(node.jobs) == nth, "one slot, one job at a time"
            node.answer(job)
        assert client.texts(3) == [f"{pair[0]} {index}" for index in range(3)]


def test_3_waiting_job_is_served_when_a_node_registers(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, slots=1, answer=None) as busy, stack.client(*pair) as client:
        client.say()
        client.say()
        busy.job()
        with stack.node(pair, web=1) as fresh:
            assert fresh.job()["utterance_index"] == 1
            busy.answer(busy.job())
            assert client.texts(2) == [f"{pair[0]} 0", f"{pair[0]} 1"]


def test_3_waiting_ends_with_an_error_and_the_order_goes_on(hasty: Stack) -> None:
    with hasty.node(("wait", "long"), slots=1, answer=None) as node, hasty.client("wait", "long") as client:
        client.say()
        client.say()
        assert client.wait("error")["code"] in ("NO_AVAILABLE_NODE", "JOB_TIMEOUT")
        assert client.result(2)["type"] == "missing_result"
        assert node.jobs


def test_6_results_come_in_order_though_they_end_in_another(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, slots=4, answer=None) as node, stack.client(*pair) as client:
        for _ in range(4):
            client.say()
        jobs = [node.job(nth) for nth in (1, 2, 3, 4)]
        for at in (3, 1, 2):
            node.answer(jobs[at])
        wait_until(lambda: stack.record_of(node.node_id)["why"] == "", "slots to be free again")
        assert client.results == []
        node.answer(jobs[0])
        assert client.texts(4) == [f"{pair[0]} {index}" for index in range(4)]


def test_6_a_failure_in_the_middle_blocks_nothing(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, slots=3, answer=None) as node, stack.client(*pair) as client:
        for _ in range(3):
            client.say()
        jobs = [node.job(nth) for nth in (1, 2, 3)]
        node.answer(jobs[2])
        error = {"code": "INVALID_AUDIO", "message": "there is only hiss", "details": {"snr": 0.1}}
        node.answer(jobs[1], success=False, error=error)
        node.answer(jobs[0])
        assert client.texts(3) == [f"{pair[0]} 0", "-", f"{pair[0]} 2"]
        assert client.results[1]["utterance_index"] == 1
        told = client.wait("error")
        assert {name: told[name] for name in error} == error, "the node's own words, verbatim"


def test_order_is_kept_for_each_language_of_a_session(stack: Stack, pair: Pair) -> None:
    """One language does not wait for the other: only results of one language have an order."""
    src, tgt = pair
    other = f"{tgt}-2"
    with stack.node(pair, (src, other), slots=4, answer=None) as node, stack.client(*pair) as client:
        for index, language in enumerate((tgt, other, tgt, other)):
            client.utterance(index, tgt_lang=language)
        jobs = [node.job(nth) for nth in (1, 2, 3, 4)]
        for at in (3, 2, 1):
            node.answer(jobs[at])
        assert client.texts(2) == [f"{src} 1", f"{src} 3"]
        node.answer(jobs[0])
        assert client.texts(4)[2:] == [f"{src} 0", f"{src} 2"]


def test_2_expired_attempt_gives_its_slot_back(hasty: Stack) -> None:
    """A node that falls silent on a job is told to stop it, and is not lost for the next one."""
    silent = [True]
    answer = lambda job: None if silent[0] else {"success": True, "text_asr": "now"}  # noqa: E731
    with hasty.node(("slow", "lost"), slots=1, answer=answer) as node, hasty.client("slow", "lost") as client:
        client.say()
        assert client.wait("error")["code"] == "JOB_TIMEOUT"
        assert client.result()["reason"] == "result_timeout"
        assert [cancel["job_id"] for cancel in node.all("job_cancel")] == [job["job_id"] for job in node.jobs]
        assert len(node.jobs) == 2, "both attempts went to the only node there is"
        silent[0] = False
        client.say()
        assert client.texts(2) == ["-", "now"]


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
        assert "NODE_ACCEPTED" not in _events(client)


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


def test_failure_everywhere_ends_in_one_clear_error(stack: Stack, pair: Pair) -> None:
    broken = failure("MODEL_CORRUPTED", "checksum differs")
    nodes = [stack.node(pair, answer=broken) for _ in range(3)]
    with nodes[0], nodes[1], nodes[2], stack.client(*pair) as client:
        client.say()
        assert client.result()["type"] == "missing_result"
        error = client.wait("error")
        assert (error["code"], error["message"]) == ("MODEL_CORRUPTED", "checksum differs")
        event = client.wait("ui_event", event="ERROR")
        assert event["error_code"] == "MODEL_CORRUPTED"
        assert event["hint"]
        assert len(client.all("error")) == 1
        assert [len(node.jobs) for node in nodes] == [1, 1, 1]


def test_repeated_utterance_finds_the_same_job(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, answer=None) as node, stack.client(*pair) as client:
        client.utterance(3)
        client.utterance(3)
        client.utterance(3, audio=bytes(6400))  # the same label for other words
        job, other = node.job(1), node.job(2)
        node.answer(job)
        node.answer(other)
        client.result(2)
        client.utterance(3)  # also when it has long ended
        client.send("session_close", session_id=client.session_id, reason="done")
        client.wait("session_close_ack")
        assert len(node.jobs) == 2
        assert len(client.results) == 2


def test_13_audio_is_not_kept_beyond_its_job(stack: Stack, pair: Pair) -> None:
    with stack.node(pair) as node, stack.client(*pair) as client:
        client.say(b"\1\0" * 1600)
        client.result()
        with redis.Redis.from_url(stack.valkey.url) as ledger:
            body = f"sd:{{0}}:body:a:{node.job()['job_id']}"
            wait_until(lambda: ledger.exists(body) == 0, "the audio to be dropped")


def test_14_blocking_read_has_a_connection_of_its_own(stack: Stack) -> None:
    with redis.Redis.from_url(stack.valkey.url) as ledger:
        waiting = [client for client in ledger.client_list() if client["cmd"] == "xread"]
    assert len(waiting) == len(stack.webs)


def test_session_close_waits_for_what_runs_and_is_acknowledged(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, answer=None) as node, stack.client(*pair) as client:
        client.say()
        job = node.job()
        client.send("session_close", session_id=client.session_id, reason="done")
        client.send("client_heartbeat", session_id=client.session_id, timestamp=1)
        assert client.wait("error")["code"] == "SESSION_CLOSED"
        node.answer(job)
        assert client.wait_closed()[0] == 1000
        assert [frame["type"] for frame in client.frames][-2:] == ["translation_result", "session_close_ack"]


def test_second_session_on_one_socket_replaces_the_first(stack: Stack, pair: Pair) -> None:
    with stack.node(pair), stack.client(*pair) as client:
        client.init()
        second = client.wait("session_init_ack", nth=2)["session_id"]
        assert second != client.session_id
        client.say()
        assert client.wait("error")["code"] == "INVALID_SESSION"
        client.session_id = second
        client.say()
        assert client.texts(1) == [f"{pair[0]} 0"]


def test_semantic_repair_is_decided_for_the_node(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, semantic=pair) as able, stack.client(*pair) as client:
        client.say()
        client.result()
        assert able.job()["pipeline"]["use_semantic"] is True
    other = (f"{pair[0]}-2", f"{pair[1]}-2")
    with stack.node(other) as plain, stack.client(*other) as client:
        client.say()
        client.result()
        assert plain.job()["pipeline"]["use_semantic"] is False


def test_results_pass_through_workers() -> None:
    """Real Celery workers do the background work; the web process would come too late."""
    with Stack(workers=True, beat=True, fallback_ms=60_000) as stack:
        with stack.node(("en", "pt")), stack.client("en", "pt") as client:
            for _ in range(5):
                client.say()
            assert client.texts(5) == [f"en {index}" for index in range(5)]
        assert stack.webs[0].stats()["published"] > 0
        stack.assert_clean_logs()


def test_existing_nodes_may_leave_the_error_out(stack: Stack, pair: Pair) -> None:
    nodes = [stack.node(pair, answer=lambda _: {"success": False}) for _ in range(3)]
    with nodes[0], nodes[1], nodes[2], stack.client(*pair) as client:
        client.say()
        assert client.result()["type"] == "missing_result"
        assert client.wait("error")["code"] == "PROCESSING_ERROR"


def test_11_a_pool_made_a_moment_ago_is_found(stack: Stack, pair: Pair) -> None:
    """The classes of nodes are made by a worker; a job that comes before it is done must not be lost."""
    url = stack.webs[0].url("/ws/node")
    with stack.client(*pair) as client, FakeNode(url, pair) as node:
        stack.wait_dispatchable(node.node_id)
        client.say()
        assert client.texts(1) == [f"{pair[0]} 0"]


def test_refused_utterance_leaves_no_audio_behind(hasty: Stack) -> None:
    """Its bytes would fill the budget until nobody could speak any more."""
    with hasty.node(("leak", "audio")):
        pass
    with hasty.client("leak", "audio") as client, redis.Redis.from_url(hasty.valkey.url) as ledger:
        client.say()  # waits, because the node may come back, and then its pool counts as gone
        client.result()
        stored = ledger.hget("sd:{0}:bodies", "total")
        for nth in range(2, 6):
            client.say()
            assert client.wait("error", nth=nth)["code"] == "NO_AVAILABLE_NODE"
        wait_until(lambda: ledger.hget("sd:{0}:bodies", "total") == stored, "the audio to be dropped")
        assert len(client.results) == 1


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
