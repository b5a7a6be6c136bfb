"""The generators' frames, by the server's own reader and parser."""

import base64
import time

import pytest

from bench.load import messages
from bench.load.frames import PING, masked, number_of, take, text_of, unmasked
from scheduling.messages import (
    AudioChunk,
    JobResult,
    NodeHeartbeat,
    NodeRegister,
    SessionInit,
    Utterance,
    parse_client_message,
    parse_node_message,
)
from web.frames import FrameReader, Ping, text_frame

_SIZES = (0, 1, 125, 126, 65535, 65536, 200_000)


def read(frames: bytes) -> list[object]:
    """Everything the server's reader finds in these bytes."""
    reader = FrameReader(2**20)
    reader.feed(frames)
    found = []
    while (event := reader.next()) is not None:
        found.append(event)
    return found


def text(frame: bytes) -> str:
    (message,) = read(frame)
    assert isinstance(message, str)
    return message


@pytest.mark.parametrize("size", _SIZES)
def test_the_server_reads_what_a_generator_frames(size: int) -> None:
    payload = b"x" * size
    assert read(masked(payload) + masked(payload)) == [payload.decode()] * 2


@pytest.mark.parametrize("size", _SIZES)
def test_a_generator_reads_what_the_server_frames(size: int) -> None:
    payload = b"y" * size
    whole = text_frame(payload) * 2
    assert whole == unmasked(payload) * 2
    for cut in (0, 1, 2, 3, len(whole) // 2, len(whole) - 1, len(whole)):
        frames, rest = take(whole[:cut])
        more, nothing = take(rest + whole[cut:])
        assert [payload for _, payload in frames + more] == [payload] * 2
        assert nothing == b""


def test_a_ping_with_a_heartbeat_is_read_behind_it() -> None:
    beat = messages.heartbeat("n")
    first, second = read(beat + masked(b"", PING))
    assert isinstance(first, str) and second == Ping(b"")


def test_members_are_found_without_reading_the_json() -> None:
    job = b'{"type":"job_assign","job_id":"j-1","attempt_id":12,"pipeline":{"use_asr":true},"audio":"QUJD"}'
    assert text_of(job, b'"job_id":"') == b"j-1"
    assert number_of(job, b'"attempt_id":') == b"12"
    with pytest.raises(ValueError, match="subsection not found"):
        text_of(job, b'"trace_id":"')


def test_what_clients_and_nodes_say_is_valid() -> None:
    assert isinstance(parse_client_message(text(messages.session_init())), SessionInit)
    assert isinstance(parse_node_message(text(messages.registration("n", 8))), NodeRegister)
    chunk = parse_client_message(text(messages.chunk("s", 3, b"AAAA", final=True)))
    assert isinstance(chunk, AudioChunk) and chunk.is_final and chunk.seq == 3


def test_a_heartbeat_has_the_size_of_real_ones_and_they_differ() -> None:
    beats = messages.heartbeats("n", 16, seed=1)
    assert all(isinstance(parse_node_message(text(beat)), NodeHeartbeat) for beat in beats)
    assert all(2400 < len(beat) < 2600 for beat in beats)
    assert len(set(beats)) > 8


@pytest.mark.parametrize("size", [400, 20_480])
def test_utterances_are_numbered_and_stamped_and_hold_their_audio(size: int) -> None:
    frames = messages.UtteranceFrames("session", messages.audio(size))
    for index in range(3):
        utterance = parse_client_message(text(frames.next()))
        assert isinstance(utterance, Utterance) and utterance.utterance_index == index
        assert size - 6 < len(base64.b64decode(utterance.audio, validate=True)) <= size
        assert 0 <= time.monotonic() - messages.stamp_s(utterance.audio.encode()) < 60


def test_a_node_answers_with_the_job_it_was_given() -> None:
    job = (
        b'{"type":"job_assign","job_id":"j","attempt_id":2,"pipeline":{"use_asr":true},"audio":"QUJD",'
        b'"session_id":"s","utterance_index":7,"trace_id":"t"}'
    )
    result = parse_node_message(text(messages.result(b"n", job)))
    assert isinstance(result, JobResult)
    assert (result.job_id, result.attempt_id, result.node_id, result.session_id) == ("j", 2, "n", "s")
    assert (result.utterance_index, result.tts_audio, result.trace_id) == (7, "QUJD", "t")
