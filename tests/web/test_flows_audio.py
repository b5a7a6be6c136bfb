"""From audio to utterances, through the socket and up to the node. Numbers are those of the failings."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers import FakeClient, FakeNode, Frame
from tests.scheduling.sound import noise, opus, tone
from tests.stack import Stack

FRAMES = Path(__file__).parents[1] / "data" / "frames" / "web-client.jsonl"
FLAGS = ("is_manual_cut", "is_pause_triggered", "is_timeout_triggered", "is_max_duration_triggered")
LIMIT_MS = 1_000


@pytest.fixture(scope="module")
def quick() -> Iterator[Stack]:
    """Give two web processes with short limits: a pause of 0.4 s, utterances of 1 s."""
    with Stack(webs=2, pause_ms=400, max_duration_ms=LIMIT_MS) as stack:
        yield stack
        stack.assert_clean_logs()


def _audio(job: Frame) -> bytes:
    return base64.b64decode(job["audio"], validate=True)


def _flags(job: Frame) -> list[str]:
    return [name for name in FLAGS if job.get(name, False)]


def _existing_client(stack: Stack, pair: tuple[str, str]) -> FakeClient:
    """A web client as it is: it negotiates nothing, sends Opus, and its final before its last chunk."""
    return stack.client(*pair, audio_format=None)


def test_existing_web_client_frames(stack: Stack) -> None:
    """Its very frames; only the session id it is given is put in."""
    frames = [json.loads(line) for line in FRAMES.read_text().splitlines()]
    init, chunk, final, _, utterance, played = frames
    languages = (init["src_lang"], init["tgt_lang"])
    with (
        stack.node(languages) as node,
        FakeClient(stack.webs[0].url("/ws/session"), **init, audio_format=None) as client,
    ):
        ack = client.wait("session_init_ack")
        assert ack["trace_id"] == init["trace_id"]
        assert (ack["use_binary_frame"], ack["negotiated_codec"]) == (False, "opus")
        for frame in (chunk, final, played):
            client.send_raw(json.dumps(frame | {"session_id": client.session_id}))
        assert client.texts(1) == ["zh 0"]
        job = node.job()
        assert job["audio"] == chunk["payload"]
        assert (job["audio_format"], job["sample_rate"]) == ("opus", 16_000)
        assert (_flags(job), job["padding_ms"]) == (["is_manual_cut"], 280)
        assert (job["enable_streaming_asr"], job["partial_update_interval_ms"]) == (True, 1000)
        client.send_raw(json.dumps(utterance | {"session_id": client.session_id, "utterance_index": 5}))
        assert client.texts(2) == ["zh 0", "zh 5"]
        assert node.job(2)["audio"] == utterance["audio"]
        assert _flags(node.job(2)) == []
        assert not client.all("error")


def test_final_before_its_last_chunk(stack: Stack, pair: tuple[str, str]) -> None:
    """Real clients do not wait for their encoder: the tail belongs to the utterance it was spoken in."""
    first, tail, other = opus(100), opus(60), opus(200)
    with stack.node(pair) as node, _existing_client(stack, pair) as client:
        client.chunk(first)
        client.chunk(b"", final=True)
        client.chunk(tail)
        assert _audio(node.job()) == first + tail
        client.chunk(other, final=True)
        assert _audio(node.job(2)) == other


def test_7_pause_ends_an_utterance_and_the_next_chunk_starts_another(quick: Stack) -> None:
    pair = ("pause", "flows")
    before, after = noise(3200, 1), noise(3200, 2)
    with quick.node(pair) as node, quick.client(*pair) as client:
        client.chunk(before)
        job = node.job()
        assert (_audio(job), _flags(job), job["padding_ms"]) == (before, ["is_pause_triggered"], 220)
        client.chunk(after, final=True)
        job = node.job(2)
        assert (_audio(job), _flags(job), job["utterance_index"]) == (after, ["is_manual_cut"], 1)


def test_length_limit_cuts_and_loses_nothing(quick: Stack) -> None:
    pair = ("limit", "flows")
    sound = tone(2_500)
    with quick.node(pair) as node, quick.client(*pair) as client:
        for at in range(0, len(sound), 3200):
            client.chunk(sound[at : at + 3200], final=at + 3200 >= len(sound))
        jobs = [node.job(nth) for nth in (1, 2, 3)]
        assert b"".join(_audio(job) for job in jobs) == sound
        assert [_flags(job) for job in jobs] == [*[["is_timeout_triggered"]] * 2, ["is_manual_cut"]]
        assert all(len(_audio(job)) <= 32 * LIMIT_MS for job in jobs)
        assert client.texts(3) == ["limit 0", "limit 1", "limit 2"]


def test_one_long_chunk_becomes_several_utterances(quick: Stack) -> None:
    pair = ("long", "chunk")
    sound = tone(3_500)
    with quick.node(pair, slots=8) as node, quick.client(*pair) as client:
        client.chunk(sound, final=True)
        client.result(4)
        assert b"".join(_audio(job) for job in node.jobs) == sound


@pytest.mark.parametrize("way", ["session_close", "socket closed", "network lost", "second session_init"])
def test_7_last_buffered_audio_becomes_a_job(stack: Stack, pair: tuple[str, str], way: str) -> None:
    said = noise(3200)
    with stack.node(pair) as node, stack.client(*pair) as client:
        client.chunk(said)
        if way == "session_close":
            client.send("session_close", session_id=client.session_id, reason="done")
        elif way == "socket closed":
            client.close()
        elif way == "network lost":
            client.cut()
        else:
            client.init()
        assert _audio(node.job()) == said
        if way == "session_close":
            assert client.texts(1) == [f"{pair[0]} 0"]
            client.wait("session_close_ack")


@pytest.mark.parametrize("flag", FLAGS[:3])
def test_4_assignments_cross_instances_with_every_flag(quick: Stack, flag: str) -> None:
    """An assignment once could not be parsed again on the other instance, because flags were left out."""
    pair = (flag.replace("_", "-"), "crossing")
    sound: dict[str, Any] = {"is_manual_cut": noise(3200), "is_pause_triggered": noise(3200)}
    said = sound.get(flag, tone(LIMIT_MS + 100))
    with quick.node(pair, web=1) as node, quick.client(*pair) as client:
        client.chunk(said, final=flag == "is_manual_cut")
        job = node.job()
        assert _flags(job) == [flag]
        assert client.texts(1) == [f"{pair[0]} 0"]
        assert client.wait("ui_event", event="DISPATCHED")["job_id"] == job["job_id"]


def test_partial_text_reaches_the_session_on_another_instance(stack: Stack, pair: tuple[str, str]) -> None:
    with stack.node(pair, web=1, answer=None, ours=True) as node, stack.client(*pair) as client:
        client.say()
        job = node.job()
        node.accept(job)
        for text in ("so", "so my fellow"):
            node.partial(job, text)
        heard = client.wait("asr_partial", nth=2)
        assert (heard["text"], heard["job_id"], heard["is_final"]) == ("so my fellow", "", False)
        assert client.wait("ui_event", event="ASR_PARTIAL")["job_id"] == ""
        assert client.wait("ui_event", event="NODE_ACCEPTED")["job_id"] == job["job_id"]
        node.answer(job)
        assert client.texts(1) == [f"{pair[0]} 0"]


def test_session_settings_reach_the_node(stack: Stack, pair: tuple[str, str]) -> None:
    asked: dict[str, Any] = {
        "dialect": "hill",
        "features": {"emotion_detection": True},
        "mode": "one_way",
        "trace_id": "t-1",
    }
    with stack.node(pair) as node, stack.client(*pair, **asked) as client:
        client.say()
        job = node.job()
        assert {name: job[name] for name in asked} == asked
        own: dict[str, Any] = {"dialect": "sea", "features": {"emotion_detection": False}, "trace_id": "t-2"}
        client.utterance(7, **own, mode="two_way_auto")
        job = node.job(2)
        assert {name: job[name] for name in own} == own
        assert job["mode"] == "one_way", "what only a session can state is the session's"


def test_utterance_as_large_as_no_speech_is_refused(stack: Stack, pair: tuple[str, str]) -> None:
    """Some of them would fill what may wait for a slow node, and have it disconnected."""
    with stack.node(pair) as node, stack.client(*pair) as client:
        client.utterance(0, bytes(8 * 512_000 + 2))
        error = client.wait("error")
        assert error["code"] == "INVALID_MESSAGE"
        assert "4096000 at most" in error["message"]
        client.utterance(1, bytes(8 * 512_000))
        assert client.texts(1) == [f"{pair[0]} 1"]
        assert len(node.jobs) == 1


def test_a_chunk_as_large_as_no_speech_is_refused(stack: Stack, pair: tuple[str, str]) -> None:
    """Looking through it would hold up everybody else, and so would what it becomes."""
    with stack.node(pair), stack.client(*pair) as client:
        client.chunk(bytes(8 * 512_000 + 2))
        error = client.wait("error")
        assert (error["code"], "4096000 at most" in error["message"]) == ("INVALID_MESSAGE", True)
        client.say()
        assert client.texts(1) == [f"{pair[0]} 0"]


def test_empty_final_makes_no_job(stack: Stack, pair: tuple[str, str]) -> None:
    with stack.node(pair) as node, stack.client(*pair) as client:
        client.chunk(b"", final=True)
        client.chunk(b"", final=True)
        client.say()
        client.result()
        assert [job["utterance_index"] for job in node.jobs] == [0]


def test_many_sessions_at_once(stack: Stack, pair: tuple[str, str]) -> None:
    """Each hears its own words only, in order, from nodes on both instances."""
    url = stack.webs[1].url("/ws/session")
    nodes: list[FakeNode] = [stack.node(pair, web=web, slots=2) for web in (0, 1)]
    clients = [FakeClient(url, *pair) for _ in range(8)]
    for _ in range(5):
        for client in clients:
            client.say()
    for client in clients:
        assert client.texts(5) == [f"{pair[0]} {index}" for index in range(5)]
        # Only the request to slow down names no session.
        assert {frame.get("session_id", client.session_id) for frame in client.frames} == {client.session_id}
    for peer in (*clients, *nodes):
        peer.close()
