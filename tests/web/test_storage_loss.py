"""Redis goes away under running sessions and comes back, with its memory or without."""

import threading

import pytest
import redis

from scheduling.keys import Keys
from tests.stack import Stack, wait_until
from tests.valkey import Valkey
from tests.web.api.test_uploads import ask, wav
from tests.web.room_peers import create, join, room


def _lasting() -> Valkey:
    return Valkey(appendonly="yes", appendfsync="always")


def _lose_everything(stack: Stack, how: str) -> None:
    if how == "restart":
        stack.valkey.restart()
        return
    with redis.Redis.from_url(stack.valkey.url) as ledger:
        ledger.flushall()


def test_redis_killed_and_restarted_with_its_data() -> None:
    """A clear error while it is away; then the same session and the same node go on by themselves."""
    with _lasting() as valkey, Stack(valkey=valkey, store_timeout_s=0.5) as stack:
        with stack.node(("en", "pt")) as node, stack.client() as client:
            client.say()
            client.result()
            valkey.kill()
            assert stack.webs[0].get("/ready") == (503, {"ready": False, "reason": "Redis does not answer"})
            client.say()
            assert client.wait("error")["code"] == "SCHEDULER_DEPENDENCY_DOWN"
            node.heartbeat()
            assert node.wait("error")["code"] == "SCHEDULER_DEPENDENCY_DOWN"
            valkey.start()
            stack.webs[0].wait_ready()
            client.say()
            assert client.texts(2) == ["en 0", "en 2"]
            assert len(node.jobs) == 2
        stack.assert_clean_logs()


def test_result_that_comes_while_redis_is_away_is_not_lost() -> None:
    """Calls are tried again for a while: a short absence is not even noticed."""
    with _lasting() as valkey, Stack(valkey=valkey, store_timeout_s=8) as stack:
        with stack.node(("en", "pt"), answer=None) as node, stack.client() as client:
            client.say()
            job = node.job()
            valkey.kill()
            node.answer(job)
            client.say()
            valkey.start()
            node.answer(node.job(2))
            assert client.texts(2) == ["en 0", "en 1"]
            assert not client.all("error")
        stack.assert_clean_logs()


@pytest.mark.parametrize("how", ["FLUSHALL", "restart"])
def test_everything_in_redis_is_lost(how: str) -> None:
    """Nodes are back with their next heartbeat, sessions go on, and what was lost is said."""
    with Stack() as stack:
        with stack.node(("en", "pt"), answer=None) as node, stack.client() as client:
            client.say()
            client.say()
            node.job(2)
            node.answer(node.job(1))
            client.result()
            _lose_everything(stack, how)
            lost = client.result(2)
            assert (lost["type"], lost["utterance_index"]) == ("missing_result", 1)
            assert "lost" in client.wait("error")["message"]
            node.answer(node.job(2))  # too late: nobody waits for it any more
            node.heartbeat()
            stack.wait_dispatchable(node.node_id)
            client.say()
            node.answer(node.job(3))
            assert client.texts(3)[2] == "en 2"
            client.send("session_close", session_id=client.session_id, reason="done")
            client.wait("session_close_ack")
            assert len(client.results) == 3
        stack.assert_clean_logs()


def test_node_whose_languages_changed_is_re_entered_as_it_is_now() -> None:
    with Stack() as stack, stack.node(("en", "pt")) as node:
        spanish = node.capabilities(("en", "es"))
        node.heartbeat(**spanish)
        stack.wait_dispatchable(node.node_id)
        _lose_everything(stack, "FLUSHALL")
        node.heartbeat(**spanish)
        wait_until(lambda: bool(stack.record_of(node.node_id)), "the node to be known again")
        stack.wait_dispatchable(node.node_id)
        with stack.client("en", "es") as client:
            client.say()
            assert client.texts(1) == ["en 0"]
        stack.assert_clean_logs()


def test_paused_redis_stops_nobody_for_good() -> None:
    """A server that takes connections and does not answer: time-outs, an error, and then on as before.

    It takes the utterance all the same when it goes on; as the client was told that it failed, nothing more
    is heard of it.
    """
    with Stack(store_timeout_s=1.0) as stack, stack.node(("en", "pt")), stack.client() as client:
        client.say()
        client.result()
        stack.valkey.pause()
        try:
            client.say()
            assert client.wait("error")["code"] == "SCHEDULER_DEPENDENCY_DOWN"
        finally:
            stack.valkey.resume()
        stack.webs[0].wait_ready()
        client.say()
        client.wait("translation_result", text_asr="en 2")
        assert client.texts(2) == ["en 0", "en 2"]
        assert len(client.all("error")) == 1
        stack.assert_clean_logs()


def test_paused_redis_leaves_no_client_that_resumes_without_an_answer(pair: tuple[str, str]) -> None:
    """It goes on when the reservation is given up and the refusal is on its way: whichever is run first, the
    client is told once, and nothing of the utterance is waited for when it closes.
    """
    with Stack(store_timeout_s=1.0) as stack, stack.node(pair), stack.client(*pair, resumable=True) as client:
        client.say()
        client.result()
        stack.valkey.pause()
        try:
            client.say()
            stack.webs[0].wait_log("an utterance is refused because the ledger cannot be reached")
        finally:
            stack.valkey.resume()
        assert client.wait("error")["details"]["utterance_index"] == 1
        stack.webs[0].wait_ready()
        client.say()
        client.wait("translation_result", utterance_index=2)
        client.send("session_close", session_id=client.session_id, reason="done")
        client.wait("session_close_ack")
        assert len(client.all("error")) == 1
        stack.assert_clean_logs()


def test_nothing_is_forgotten_that_was_said_while_redis_was_away() -> None:
    """A cut by a pause, a new session and a close are all refused clearly; the socket lives through them."""
    with _lasting() as valkey, Stack(valkey=valkey, store_timeout_s=0.3, pause_ms=200) as stack:
        with stack.node(("en", "pt")), stack.client() as client:
            valkey.kill()
            client.chunk(bytes(3200))
            assert client.wait("ui_event", event="ERROR")["error_code"] == "SCHEDULER_DEPENDENCY_DOWN"
            client.init()
            client.wait("error", nth=2)
            client.chunk(bytes(3200))
            client.wait("error", nth=3)
            valkey.start()
            stack.webs[0].wait_ready()
            client.say()
            assert client.texts(1) == ["en 2"], "the session is the same"
        stack.assert_clean_logs()


def test_fleet_is_whole_again_before_the_next_heartbeat() -> None:
    """The process that holds a node's socket repeats for it what it said last."""
    with Stack() as stack, stack.node(("en", "pt")) as node, stack.client() as client:
        client.say()
        client.result()
        _lose_everything(stack, "FLUSHALL")
        stack.wait_dispatchable(node.node_id)
        client.say()
        assert client.texts(2) == ["en 0", "en 1"]
        assert not client.all("error")
        stack.assert_clean_logs()


def test_node_is_told_to_stop_what_the_ledger_has_forgotten() -> None:
    """Otherwise it works on what nobody waits for, in slots that the new ledger takes for free."""
    with Stack() as stack, stack.node(("en", "pt"), answer=None) as node, stack.client() as client:
        client.say()
        job = node.job()
        _lose_everything(stack, "FLUSHALL")
        assert node.wait("job_cancel")["job_id"] == job["job_id"]
        assert client.result()["reason"] == "history_lost"
        node.answer(job)
        stack.wait_dispatchable(node.node_id)
        client.say()
        node.answer(node.job(2))
        assert client.texts(2) == ["-", "en 1"]
        stack.assert_clean_logs()


def test_client_resumes_a_session_that_outlived_the_loss() -> None:
    """Bug: the record was made anew with numbers from 1, so who came back got the new results twice."""
    with Stack() as stack, stack.node(("en", "pt")):
        client = stack.client(resumable=True)
        client.say()
        client.result()
        _lose_everything(stack, "FLUSHALL")
        client.say()
        assert client.result(2)["offset"] == 2
        ack = client.wait("session_init_ack")
        place = {"session_id": client.session_id, "token": ack["resume_token"], "epoch": ack["epoch"]}
        client.cut()
        with stack.client(resumable=True, resume=place | {"offset": 2}) as back:
            told = back.wait("session_init_ack")
            assert (told["resumed"], told["history_lost"], told["missed"]) == (True, False, 0)
            back.chunk(bytes(3200), final=True, seq=2)
            assert back.result()["offset"] == 3
            assert len(back.results) == 1
        stack.assert_clean_logs()


def test_client_that_was_away_when_all_was_lost_is_told_so() -> None:
    with Stack() as stack, stack.node(("en", "pt")):
        client = stack.client(resumable=True)
        client.say()
        client.result()
        ack = client.wait("session_init_ack")
        client.cut()
        with stack.redis as ledger:
            name = Keys("0").session(client.session_id)
            wait_until(lambda: ledger.hget(name, "owner") == "", "the session to be detached")
        _lose_everything(stack, "FLUSHALL")
        place = {"session_id": client.session_id, "token": ack["resume_token"], "epoch": ack["epoch"]}
        with stack.client(resumable=True, resume=place | {"offset": 1}) as back:
            told = back.wait("session_init_ack")
            assert (told["resumed"], told["history_lost"]) == (False, True)
            assert told["epoch"] != ack["epoch"]
            back.say()
            assert back.result()["offset"] == 1
        stack.assert_clean_logs()


def test_members_of_a_lost_room_are_told_and_can_open_another() -> None:
    """They learned it up to 20 s later, and spoke to nobody until then."""
    with Stack() as stack, stack.node(("en", "pt")) as node:
        _, members = room(stack, "en", "pt", "en")
        _lose_everything(stack, "FLUSHALL")
        for member in members:
            assert member.wait("room_error")["code"] == "ROOM_NOT_FOUND"
        again = create(members[0], preferred_lang="en")
        join(members[1], again, preferred_lang="pt")
        stack.wait_dispatchable(node.node_id)
        members[0].say()
        assert members[1].result()["text_translated"] == "pt 0"
        stack.assert_clean_logs()


def test_audio_that_is_lost_with_its_own_server_ends_the_job_that_needs_it() -> None:
    """What runs goes on; what waits cannot be sent to anybody any more, and says so."""
    with Valkey() as bodies, Stack(payload_url=bodies.url) as stack:
        with stack.node(("en", "pt"), answer=None, slots=1) as node, stack.client() as client:
            client.say()
            client.say()
            running = node.job()
            stack.wait_waiting(1)
            with redis.Redis.from_url(bodies.url) as other:
                assert other.keys("*body:a:*")
                other.flushall()
            node.answer(running)
            assert client.result()["text_asr"] == "en 0"
            error = client.wait("error")
            assert error["code"] == "INTERNAL_ERROR"
            assert "say it again" in error["message"]
            assert client.result(2)["utterance_index"] == 1
            client.say()
            node.answer(node.job(2))
            assert client.texts(3)[2] == "en 2"
        stack.assert_clean_logs()


def test_recording_whose_ledger_is_lost_is_not_waited_for() -> None:
    """Who uploaded it is told that it is not known, at once and not when the time to wait is over."""
    with Stack() as stack, stack.node(("en", "pt"), answer=None) as node:
        answers: list[int] = []
        path = "utterances?src=en&tgt=pt&wait_s=60"
        asking = threading.Thread(target=lambda: answers.append(ask(stack, "POST", path, wav())[0]))
        asking.start()
        node.job()
        _lose_everything(stack, "FLUSHALL")
        asking.join(30)
        assert answers == [404]
        stack.assert_clean_logs()
