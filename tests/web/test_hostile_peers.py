"""Peers that reach for what is others': sessions, rooms, jobs and nodes. Nobody else ever notices."""

from typing import Any

import pytest

from tests.peers import Peer
from tests.stack import Stack, wait_until
from tests.web.room_peers import create, join, wait_members

Pair = tuple[str, str]


@pytest.mark.parametrize("web", [0, 1], ids=["same instance", "another instance"])
def test_a_session_hears_its_own_socket_alone(stack: Stack, pair: Pair, web: int) -> None:
    with (
        stack.node(pair, answer=None) as node,
        stack.client(*pair) as victim,
        stack.client(*pair, web=web) as thief,
    ):
        victim.say()
        job = node.job()
        mine, about = thief.session_id, {"session_id": victim.session_id}
        sound = {"seq": 0, "is_final": True, "payload": "AAAA"}
        whole = {"utterance_index": 0, "manual_cut": True, "src_lang": pair[0], "tgt_lang": pair[1]}
        audio = {"audio": "AAAA", "audio_format": "pcm16", "sample_rate": 16_000}
        reaches: list[tuple[str, dict[str, Any]]] = [
            ("audio_chunk", sound),
            ("utterance", whole | audio),
            ("utterance_cancel", {"utterance_index": 0}),
            ("client_heartbeat", {"timestamp": 1}),
            ("tts_started", {"trace_id": "t", "group_id": "g", "ts_start_ms": 1}),
            ("tts_play_ended", {"trace_id": "t", "group_id": "g", "ts_end_ms": 1}),
            ("session_close", {"reason": "evil"}),
        ]
        for nth, (kind, members) in enumerate(reaches, 1):
            thief.send(kind, **about | members)
            error = thief.wait("error", nth)
            assert error["code"] == "INVALID_SESSION", (kind, error)
            assert victim.session_id not in error["message"]
        node.answer(job)
        assert victim.texts(1) == [f"{pair[0]} 0"]
        thief.send("client_heartbeat", session_id=mine, timestamp=1)
        thief.wait("server_heartbeat")
        assert not thief.results
        assert not victim.all("error")
        assert len(node.jobs) == 1


def test_a_session_is_taken_to_another_socket_with_its_token_alone(stack: Stack, pair: Pair) -> None:
    with stack.client(*pair, resumable=True) as victim, stack.node(pair):
        ack = victim.wait("session_init_ack")
        for token in ("", "x" * 43, ack["resume_token"][:-1], ack["resume_token"].lower()):
            resume = {"session_id": victim.session_id, "token": token, "epoch": ack["epoch"], "offset": 0}
            with stack.client(*pair, web=1, resumable=True, resume=resume) as thief:
                told = thief.wait("session_init_ack")
                assert told["session_id"] != victim.session_id
                assert (told["resumed"], told["history_lost"]) == (False, True)
        other = {"session_id": "s-unknown", "token": ack["resume_token"], "epoch": ack["epoch"], "offset": 0}
        with stack.client(*pair, web=1, resumable=True, resume=other) as thief:
            assert not thief.wait("session_init_ack")["resumed"]
        victim.say()
        assert victim.texts(1) == [f"{pair[0]} 0"]


def test_the_recordings_of_http_are_not_the_jobs_of_sockets(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, answer=None) as node, stack.client(*pair) as client:
        client.say()
        job = node.job()
        status, body = stack.webs[1].get(f"/api/v1/utterances/{job['job_id']}")
        assert (status, body["error"]["code"]) == (404, "NOT_FOUND")
        node.answer(job)
        client.result()


def test_a_room_is_for_those_in_it(stack: Stack, pair: Pair) -> None:
    with stack.client(*pair) as host, stack.client(*pair) as guest, stack.client(*pair, web=1) as thief:
        code = create(host)
        join(guest, code)
        thief.send("webrtc_offer", room_code=code, to=host.session_id, sdp="evil")
        thief.send("room_leave", room_code=code)
        assert thief.wait("room_error")["code"] == "ROOM_NOT_FOUND"
        thief.send(
            "room_raw_voice_preference",
            room_code=code, target_session_id=host.session_id, receive_raw_voice=False,
        )  # fmt: skip
        assert thief.wait("room_error", 2)["code"] == "ROOM_NOT_FOUND"
        guest.send("webrtc_offer", room_code=code, to=host.session_id, sdp="good")
        assert host.wait("webrtc_offer")["sdp"] == "good"
        assert len(host.all("webrtc_offer")) == 1
        wait_members(host, host, guest)
        assert not thief.all("room_members")


def stale(stack: Stack) -> int:
    return sum(web.stats()["stale_messages"] for web in stack.webs)


@pytest.mark.parametrize("web", [0, 1], ids=["same instance", "another instance"])
def test_a_node_touches_its_own_attempts_alone(stack: Stack, pair: Pair, web: int) -> None:
    """It may know the ids of other nodes' jobs: from what it lost, or from a log."""
    with (
        stack.node(pair, answer=None) as good,
        stack.node((f"{pair[0]}x", pair[1]), web=web, answer=None) as bad,
        stack.client(*pair) as client,
    ):
        client.say()
        job = good.job()
        before = stale(stack)
        bad.accept(job)
        bad.partial(job, "a lie")
        bad.answer(job, text_asr="a lie")
        bad.answer(job, success=False, error={"code": "PROCESSING_ERROR", "message": "a lie"})
        wait_until(lambda: stale(stack) == before + 5, "all five to be counted")
        for attempt in (1, 2):
            bad.heartbeat(running_attempts=[{"job_id": job["job_id"], "attempt_id": attempt}])
        bad.wait("job_cancel", job_id=job["job_id"])
        with stack.redis as redis:
            record = redis.hgetall(f"sd:{{0}}:job:{job['job_id']}")
        assert (record["state"], record["node"], record["attempt"]) == ("dispatched", good.node_id, "1")
        good.answer(job)
        assert client.texts(1) == [f"{pair[0]} 0"]
        assert not client.all("asr_partial")
        assert not client.all("error")


def test_a_node_speaks_for_itself_alone(stack: Stack, pair: Pair) -> None:
    with stack.node(pair) as good, stack.node((f"{pair[0]}x", pair[1])) as bad:
        named, own = good.node_id, bad.node_id
        usage = {"cpu_percent": 99, "mem_percent": 99, "running_jobs": 64}
        bad.node_id = named
        bad.heartbeat(resource_usage=usage)
        assert own in bad.wait("error")["message"]
        bad.send("node_drain", node_id=named, reason="evil")
        assert own in bad.wait("error", 2)["message"]
        bad.register(node_id=named)
        assert own in bad.wait("error", 3)["message"]
        bad.node_id = own
        assert stack.record_of(named)["status"] == "ready"


def test_a_node_id_belongs_to_its_credential(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, credential="secret") as good, stack.client(*pair) as client:
        for credential in ("guess", "", None):
            thief = Peer(stack.webs[1].url("/ws/node"))
            thief.send("node_register", **good.registration(), node_id=good.node_id, credential=credential)
            assert thief.wait("error")["code"] == "NODE_ID_CONFLICT"
            thief.close()
        client.say()
        assert client.texts(1) == [f"{pair[0]} 0"]
