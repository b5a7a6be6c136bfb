"""From an utterance to its result. Numbers are those of the list of failings."""

from collections.abc import Iterator

import pytest
import redis

from tests.peers import FakeClient, FakeNode
from tests.stack import Stack, wait_until

Pair = tuple[str, str]


@pytest.fixture(scope="module")
def hasty() -> Iterator[Stack]:
    """Give a system in which nobody waits long for a slot."""
    with Stack(wait_ms=500) as stack:
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
        first = node.job()
        client.say()
        with redis.Redis.from_url(hasty.valkey.url) as ledger:

            def has_given_up() -> bool:
                accepted = ledger.hget(f"sd:{{0}}:session:{client.session_id}", "order:long")
                return bool(accepted == b"2" and ledger.hget("sd:{0}:cell", "waiting") == b"0")

            wait_until(has_given_up, "the waiting to end")
        node.answer(first)
        assert client.texts(2) == ["wait 0", "-"]
        assert client.wait("error")["code"] == "NO_AVAILABLE_NODE"
        assert len(node.jobs) == 1


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

        def reading() -> int:
            return sum(client["cmd"] == "xread" for client in ledger.client_list())

        # One that has just read something deals with it first.
        wait_until(lambda: reading() == len(stack.webs), "every process to read its inbox")


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
        wait_until(lambda: not list(ledger.scan_iter("*poolgone:*")), "the node to count as gone")

        def stored() -> int:
            return int(ledger.hget("sd:{0}:cell", "bodies") or 0)

        before = stored()
        for nth in range(1, 5):
            client.say()
            assert client.wait("error", nth=nth)["code"] == "NO_AVAILABLE_NODE"
        wait_until(lambda: stored() == before, "the audio to be dropped")
        assert not client.results
