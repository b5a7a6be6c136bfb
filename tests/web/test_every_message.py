"""Every message of the session protocol on real sockets, its two sides on different web processes.

Two people in a room, one at each process, and a node at the second: whatever crosses does cross. What was
said and heard is compared with the models, so that a message nobody exercises is noticed.
"""

import base64
from typing import Any, get_args

from scheduling.keys import Keys
from scheduling.messages.codec import ClientMessage, ServerMessageToClient
from tests.peers import FakeClient, FakeNode
from tests.stack import Stack
from tests.web.room_peers import create, join, wait_members

PAIR = ("em", "fm")
BACK = ("fm", "em")


class Recorder(FakeClient):
    """A client that remembers what kinds of message it sent."""

    said: set[str]

    def send(self, kind: str, **members: Any) -> None:
        self.said = getattr(self, "said", set()) | {kind}
        super().send(kind, **members)

    @property
    def heard(self) -> set[str]:
        """Kinds of message it was sent."""
        return {frame["type"] for frame in list(self.frames)}


def tags(union: Any) -> set[str]:
    return {model.model_fields["type"].default for model in get_args(union)}


def alone(client: Recorder, node: FakeNode) -> None:
    """One person speaks: in chunks and at once, changes its mind, hears, plays."""
    client.send("client_heartbeat", session_id=client.session_id, timestamp=1)
    client.wait("server_heartbeat")
    client.say(b"\1\0" * 1600)
    first = node.job()
    node.partial(first, "so")
    client.wait("asr_partial", text="so")
    node.answer(first)
    result = client.result()
    assert (result["type"], result["text_translated"]) == ("translation_result", "fm 0")
    client.wait("audio_ack", seq=1)
    about = {"session_id": client.session_id, "trace_id": "t", "group_id": result["group_id"]}
    client.send("tts_started", **about, ts_start_ms=1)
    client.send("tts_play_ended", **about, ts_end_ms=2)
    for index in (7, 8, 9):
        client.utterance(index, audio=bytes([index, 0]) * 1600)
    jobs = {job["utterance_index"]: job for job in (node.job(nth) for nth in (2, 3, 4))}
    assert base64.b64decode(jobs[7]["audio"]) == b"\7\0" * 1600
    client.wait("backpressure")
    client.send("utterance_cancel", session_id=client.session_id, utterance_index=8)
    assert node.wait("job_cancel")["job_id"] == jobs[8]["job_id"]
    node.answer(jobs[9], success=False, error={"code": "INVALID_AUDIO", "message": "hiss"})
    node.answer(jobs[7])
    client.result(4)
    told = [(frame["type"], frame["utterance_index"], frame.get("reason")) for frame in client.results[1:]]
    assert told == [
        ("translation_result", 7, None),
        ("missing_result", 8, "cancelled"),
        ("missing_result", 9, "job_failed"),
    ]
    assert client.wait("error")["code"] == "INVALID_AUDIO"


def signals(one: Recorder, other: Recorder, code: str) -> None:
    """Tell both ways, and as neither wishes to be told."""
    one.send("webrtc_offer", room_code=code, to=other.session_id, sdp="o")
    sender = other.wait("webrtc_offer")["to"]
    other.send("webrtc_answer", room_code=code, to=sender, sdp="a")
    one.wait("webrtc_answer", to=other.session_id, sdp="a")
    for client, target in ((one, other), (other, one)):
        client.send("webrtc_ice", room_code=code, to=target.session_id, candidate="c")
        target.wait("webrtc_ice", to=client.session_id)
    one.send(
        "room_raw_voice_preference",
        room_code=code,
        target_session_id=other.session_id,
        receive_raw_voice=False,
    )
    wishes = {other.session_id: False}

    def knows() -> bool:
        members = other.all("room_members")[-1]["members"]
        return any(member["raw_voice_preferences"] == wishes for member in members)

    other.wait_for(knows, "the wish")


def together(stack: Stack, one: Recorder, other: Recorder, node: FakeNode) -> None:
    """Two people hear each other in a room, until one leaves it and it ends for the other."""
    code = create(one, preferred_lang="em")
    other.send("room_join", room_code="000000")
    assert other.wait("room_error")["code"] == "ROOM_NOT_FOUND"
    join(other, code, preferred_lang="fm")
    signals(one, other, code)
    before = len(node.jobs)
    one.say(b"\5\0" * 1600)
    job = node.job(before + 1)
    node.partial(job, "so far")
    one.wait("asr_partial", text="so far")
    node.answer(job)
    heard = other.wait("translation_result", session_id=one.session_id)
    assert heard["text_translated"].startswith("fm ")
    assert not other.all("asr_partial"), "who listens hears whole results"
    other.say(b"\6\0" * 1600)
    node.answer(node.job(before + 2))
    assert one.wait("translation_result", session_id=other.session_id)["text_translated"].startswith("em ")
    other.send("room_leave", room_code=code)
    wait_members(one, one)
    with stack.redis as ledger:  # half an hour passes: the next sweep finds the room idle
        ledger.zadd(Keys("0").rooms, {code: 1})
    assert one.wait("room_expired")["room_code"] == code


def test_every_message_crosses_two_processes() -> None:
    with Stack(webs=2, max_in_flight=4) as stack:  # two under way are half of it: the talker is told
        urls = [web.url("/ws/session") for web in stack.webs]
        with (
            stack.node(PAIR, BACK, web=1, slots=4, ours=True, answer=lambda _: None) as node,
            Recorder(urls[0], *PAIR, resumable=True) as one,
            Recorder(urls[1], *BACK) as other,
        ):
            alone(one, node)
            together(stack, one, other, node)
            for client in (one, other):
                client.send("session_close", session_id=client.session_id, reason="done")
                client.wait("session_close_ack")
            assert one.said | other.said == tags(ClientMessage)
            assert one.heard | other.heard == tags(ServerMessageToClient)
        stack.assert_clean_logs()
