"""What a session may ask for in `session_init`, on a real socket: each arrives where it should."""

import base64
import time
from typing import Any

import pytest

from agent.wav import read_wav
from scheduling.messages.binary import pack_audio
from tests.peers import FakeClient, Frame
from tests.scheduling.sound import noise
from tests.scheduling.test_vad import DATA
from tests.stack import Stack

ALL = {"use_asr": True, "use_nmt": True, "use_tts": True, "use_semantic": False, "use_tone": False}
NO_TTS = ALL | {"use_tts": False}


def _members(job: Frame, names: Any) -> Frame:
    return {name: job.get(name) for name in names}


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({"dialect": "hill"}, {"dialect": "hill"}),
        ({"features": {"emotion_detection": True}}, {"features": {"emotion_detection": True}}),
        ({"mode": "one_way"}, {"mode": "one_way"}),
        ({"auto_langs": []}, {"auto_langs": []}),
        ({"trace_id": "t-9"}, {"trace_id": "t-9"}),
        ({"pipeline": NO_TTS}, {"pipeline": NO_TTS}),
        ({"pipeline": None}, {"pipeline": ALL}),
        ({"tenant_id": "nobody"}, {"pipeline": ALL}),
        (
            {"enable_streaming_asr": False, "partial_update_interval_ms": 5},
            {"enable_streaming_asr": True, "partial_update_interval_ms": 1000},
        ),
        ({"sample_rate": 48_000}, {"sample_rate": 48_000, "audio_format": "pcm16"}),
        ({"audio_format": None}, {"sample_rate": 16_000, "audio_format": "opus"}),
    ],
    ids=lambda members: ",".join(members),
)
def test_what_a_session_states_reaches_the_node(
    stack: Stack, pair: tuple[str, str], asked: Frame, given: Frame
) -> None:
    sound = base64.b64decode("BABIAAAA") if asked.get("audio_format", "") is None else noise(3200)
    with stack.node(pair) as node, stack.client(*pair, **asked) as client:
        client.chunk(sound)
        client.send("session_close", session_id=client.session_id, reason="done")
        job = node.job()
        assert _members(job, given) == given
        assert base64.b64decode(job["audio"]) == sound


def test_both_languages_of_two_way_talk_reach_the_node(stack: Stack) -> None:
    """A node of its own serves both directions; the web client states source `auto` and both languages."""
    two_way = {"mode": "two_way_auto", "lang_a": "tw1", "lang_b": "tw2", "auto_langs": ["tw1", "tw2"]}
    with (
        stack.node(("tw1", "tw2"), ("tw2", "tw1")) as node,
        stack.client("auto", "tw2", **two_way) as client,
    ):
        client.say()
        job = node.job()
        assert _members(job, two_way) == two_way
        assert (job["src_lang"], job["tgt_lang"]) == ("auto", "tw2")


def test_an_utterance_may_choose_other_services(stack: Stack, pair: tuple[str, str]) -> None:
    only_text = NO_TTS | {"use_nmt": False}
    with stack.node(pair) as node, stack.client(*pair, pipeline=NO_TTS) as client:
        client.utterance(0)
        client.utterance(1, pipeline=only_text)
        assert node.job()["pipeline"] == NO_TTS
        assert node.job(2)["pipeline"] == only_text


def test_a_session_without_speech_goes_to_nodes_that_cannot_speak(
    stack: Stack, pair: tuple[str, str]
) -> None:
    with stack.node(pair) as node, stack.client(*pair, pipeline=NO_TTS) as client:
        node.heartbeat(**node.capabilities(without=["tts"]))
        client.say()
        assert client.texts(1) == [f"{pair[0]} 0"]


def test_voice_detection_cuts_where_speech_ends(stack: Stack, pair: tuple[str, str]) -> None:
    recording = read_wav((DATA / "jfk.wav").read_bytes())
    options = {"vad": True, "end_of_speech_ms": 400, "sample_rate": recording.sample_rate, "journey": True}
    with stack.node(pair, slots=8) as node, stack.client(*pair, **options) as client:
        assert client.wait("session_init_ack")["vad"] is True
        client.chunk(bytes(64_000))
        assert not client.all("ui_event"), "silence is no utterance"
        for at in range(0, len(recording.pcm), 8_192):
            client.chunk(recording.pcm[at : at + 8_192])
        client.chunk(bytes(64_000))
        ended = [client.wait("ui_event", nth, event="INPUT_ENDED") for nth in (1, 2, 3)]
        assert [event["hint"] for event in ended] == ["speech_end"] * 3
        jobs = [node.job(nth) for nth in (1, 2, 3)]
        assert all(job["is_pause_triggered"] and job["padding_ms"] == 220 for job in jobs)
        assert sum(len(base64.b64decode(job["audio"])) for job in jobs) < len(recording.pcm) + 32_000
        client.chunk(bytes(64_000), final=True)
        client.send("session_close", session_id=client.session_id, reason="done")
        client.wait("session_close_ack")
        assert len(node.jobs) == 3


def test_7_speech_heard_until_the_close_becomes_a_job(stack: Stack, pair: tuple[str, str]) -> None:
    """With voice detection too: what is being said is said, though its end was not heard."""
    recording = read_wav((DATA / "jfk.wav").read_bytes())
    said = recording.pcm[: 2 * recording.sample_rate]
    options = {"vad": True, "sample_rate": recording.sample_rate, "binary_frames": True}
    with stack.node(pair) as node, stack.client(*pair, **options) as client:
        client.send_raw(_packed(client, said, 0))
        client.close()
        assert base64.b64decode(node.job()["audio"]) == said


def test_voice_detection_is_honest_about_opus(stack: Stack, pair: tuple[str, str]) -> None:
    with stack.node(pair), stack.client(*pair, vad=True, audio_format="opus") as client:
        assert client.wait("session_init_ack")["vad"] is False
    with stack.client(*pair) as client:
        assert "vad" not in client.wait("session_init_ack")


def _packed(client: FakeClient, audio: bytes, seq: int, *, final: bool = False) -> bytes:
    return pack_audio(client.session_id, seq, audio, is_final=final, timestamp_ms=time.time_ns() // 1_000_000)


def test_audio_in_binary_frames(stack: Stack, pair: tuple[str, str]) -> None:
    """They are handled as their likes in JSON are, and may be mixed with them."""
    sound = noise(9_600)
    with stack.node(pair) as node, stack.client(*pair, binary_frames=True) as client:
        assert client.wait("session_init_ack")["use_binary_frame"] is True
        client.send_raw(_packed(client, sound[:3200], 0))
        client.chunk(sound[3200:6400], seq=1)
        client.send_raw(_packed(client, sound[6400:], 2))
        client.send_raw(_packed(client, b"", 3, final=True))
        job = node.job()
        assert base64.b64decode(job["audio"]) == sound
        assert job["is_manual_cut"] is True
        client.send_raw(_packed(client, sound, 4, final=True))
        assert client.texts(2) == [f"{pair[0]} 0", f"{pair[0]} 1"]
        assert client.result()["network_timings"].keys() >= {"scheduler_to_node_ms"}


def test_broken_binary_frames_are_refused_and_the_session_goes_on(
    stack: Stack, pair: tuple[str, str]
) -> None:
    with stack.node(pair), stack.client(*pair, binary_frames=True) as client:
        broken = [b"", b"\x07", _packed(client, b"", 0, final=True)[:12]]
        for nth, frame in enumerate(broken, start=1):
            client.send_raw(frame)
            assert client.wait("error", nth)["code"] == "INVALID_MESSAGE"
        client.send_raw(pack_audio("s-other", 0, b"ab", is_final=True, timestamp_ms=0))
        assert client.wait("error", 4)["code"] == "INVALID_SESSION"
        client.send_raw(b"\x11pong")
        client.say()
        assert client.texts(1) == [f"{pair[0]} 0"]
        assert len(client.all("error")) == 4


def test_binary_frames_that_were_not_negotiated_are_refused(stack: Stack, pair: tuple[str, str]) -> None:
    with stack.client(*pair) as client:
        assert client.wait("session_init_ack")["use_binary_frame"] is False
        client.send_raw(_packed(client, b"ab", 0))
        assert "not negotiated" in client.wait("error")["message"]


def test_the_binary_ping_is_answered(stack: Stack, pair: tuple[str, str]) -> None:
    with stack.client(*pair, binary_frames=True) as client:
        client.send_raw(b"\x10abc")
        assert client.wait("binary")["data"] == b"\x11abc"
