"""Frames to messages and back: real frames, rules of output, hostile frames, sentences."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scheduling import messages as m
from scheduling.messages.codec import MAX_VALUES
from tests.scheduling.messages.examples import FROM_CLIENT, FROM_NODE, TO_CLIENT, TO_NODE

FRAMES = Path(__file__).parents[2] / "data" / "frames"
CHUNK = {"type": "audio_chunk", "session_id": "s-1", "seq": 0, "is_final": True}
RESULT = {
    "type": "job_result",
    "job_id": "j",
    "attempt_id": 1,
    "node_id": "n",
    "session_id": "s",
    "utterance_index": 0,
    "success": True,
    "trace_id": "t",
}


def recorded(name: str) -> list[str]:
    return (FRAMES / name).read_text(encoding="utf-8").splitlines()


def without_nulls(frame: str) -> Any:
    return {member: value for member, value in json.loads(frame).items() if value is not None}


def chunk(**changes: Any) -> str:
    return json.dumps({**CHUNK, **changes})


def refusal(parse: Callable[[str | bytes], Any], data: str | bytes) -> m.InvalidMessage:
    with pytest.raises(m.InvalidMessage) as caught:
        parse(data)
    return caught.value


@pytest.mark.parametrize("frame", recorded("node-agent.jsonl"), ids=lambda f: json.loads(f)["type"])
def test_frames_of_the_existing_node_agent(frame: str) -> None:
    message = m.parse_node_message(frame)
    assert message.type == json.loads(frame)["type"]
    assert json.loads(m.dump(message)) == without_nulls(frame)
    assert m.parse_node_message(m.dump(message).encode()) == message


@pytest.mark.parametrize("frame", recorded("web-client.jsonl"), ids=lambda f: json.loads(f)["type"])
def test_frames_of_the_existing_web_client(frame: str) -> None:
    message = m.parse_client_message(frame)
    assert message.type == json.loads(frame)["type"]
    assert json.loads(m.dump(message)) == without_nulls(frame)
    assert m.parse_client_message(m.dump(message).encode()) == message


@pytest.mark.parametrize(
    ("parse", "examples"),
    [
        (m.parse_node_message, FROM_NODE),
        (m.parse_server_message_to_node, TO_NODE),
        (m.parse_client_message, FROM_CLIENT),
        (m.parse_server_message_to_client, TO_CLIENT),
    ],
)
def test_each_direction_takes_its_own_messages_only(parse: Any, examples: Any) -> None:
    own = {example.tag["type"] for example in examples}
    for example in FROM_NODE + TO_NODE + FROM_CLIENT + TO_CLIENT:
        tag = example.tag["type"]
        if tag not in own:
            error = refusal(parse, json.dumps(example.full))
            assert isinstance(error, m.UnknownType)
            assert error.tag == tag


def test_flags_of_an_assignment_are_written_only_when_true() -> None:
    """They were omitted when false but required when parsing, so a forwarded job was always lost."""
    assign = next(example for example in TO_NODE if example.model is m.JobAssign)
    plain = m.parse_server_message_to_node(json.dumps(assign.minimal))
    assert not [member for member in json.loads(m.dump(plain)) if member.startswith("is_")]
    assert m.parse_server_message_to_node(m.dump(plain)) == plain
    cut = plain.model_copy(update={"is_pause_triggered": True})
    assert json.loads(m.dump(cut)) == {**json.loads(m.dump(plain)), "is_pause_triggered": True}


def test_null_is_written_where_it_has_a_meaning() -> None:
    status = m.NodeStatusMessage(node_id="n", status=m.NodeStatus.READY, timestamp=1)
    assert json.loads(m.dump(status))["reason"] is None
    end = m.WebrtcIce(room_code="1", to="s", candidate=None)
    assert json.loads(m.dump(end))["candidate"] is None
    relayed = m.WebrtcIce(room_code="1", to="s", candidate={"sdpMid": None})
    assert json.loads(m.dump(relayed))["candidate"] == {"sdpMid": None}


def test_a_session_is_acknowledged_with_the_constants_clients_expect() -> None:
    assert json.loads(m.dump(m.SessionInitAck(session_id="s-1", trace_id="t"))) == {
        "type": "session_init_ack",
        "session_id": "s-1",
        "message": "session created",
        "trace_id": "t",
        "protocol_version": "1.0",
        "use_binary_frame": False,
        "negotiated_codec": "opus",
        "negotiated_audio_format": "opus",
        "negotiated_sample_rate": 16000,
        "negotiated_channel_count": 1,
    }


def test_services_of_types_we_do_not_know_are_left_out() -> None:
    """At the first release a later agent's services made its whole registration unparseable."""
    frame = json.loads(recorded("node-agent.jsonl")[1])
    frame["installed_services"].append({**frame["installed_services"][0], "type": "lip_reading"})
    frame["capability_by_type"].append({"type": "lip_reading", "ready": True})
    frame["capability_by_type"].append({"type": "phonetic", "ready": True})
    message = m.parse_node_message(json.dumps(frame))
    assert isinstance(message, m.NodeHeartbeat)
    assert len(message.installed_services) == 7
    assert [entry.type for entry in message.capability_by_type][-1] is m.ServiceType.PHONETIC
    assert len(message.capability_by_type) == 6


def test_members_of_filtered_results_that_nobody_declared_are_ignored() -> None:
    frame = {**RESULT, "text_asr": "", "extra": {"filtered": True, "reason": "empty"}}
    message = m.parse_node_message(json.dumps(frame))
    assert isinstance(message, m.JobResult)
    assert message.extra == m.ExtraResult(reason="empty")


def test_a_megabyte_of_speech_goes_through_unchanged() -> None:
    speech = "QUJD" * 300_000
    message = m.parse_node_message(json.dumps({**RESULT, "tts_audio": speech}))
    assert isinstance(message, m.JobResult)
    assert message.tts_audio == speech
    assert m.parse_node_message(m.dump(message)) == message


@pytest.mark.parametrize("unit", ["1,", "[1],", '{"":1},', "[[]],"])
@pytest.mark.parametrize("encode", [str, str.encode])
def test_a_frame_that_would_unfold_into_very_many_values_is_refused(unit: str, encode: Any) -> None:
    """16 MiB of ``[1],`` in an ignored member took 550 MB of memory and held the loop for a second."""
    frame = chunk(x=[])[:-2] + unit * MAX_VALUES + "1]}"
    assert str(MAX_VALUES) in refusal(m.parse_client_message, encode(frame)).message


def test_a_large_registration_is_within_the_limit() -> None:
    """A node that lists every pair of 200 languages."""
    frame = json.loads(recorded("node-agent.jsonl")[0])
    codes = [f"{a}{b}" for a in "abcdefghij" for b in "klmnopqrstuvwxyzabcd"]
    pairs = [{"src": src, "tgt": tgt} for src in codes for tgt in codes if src != tgt]
    frame["language_capabilities"]["supported_language_pairs"] = pairs
    message = m.parse_node_message(json.dumps(frame))
    assert isinstance(message, m.NodeRegister)


BAD_FRAMES = [
    ("", "not valid JSON"),
    ("{", "not valid JSON"),
    ("hello", "not valid JSON"),
    (b"\xff\xfe", "not valid JSON"),
    ('{"type":"audio_chunk","session_id":"\udc80"}', "not valid Unicode"),
    ('{"type":"audio_chunk","session_id":"\\ud800"}', "not valid JSON"),
    ("[" * 300 + "]" * 300, "recursion limit"),
    (chunk(seq=0).replace(" 0", " 1" + "0" * 5000), "not valid JSON"),
    (chunk() + " {}", "not valid JSON"),
    ("[]", "holds a list, not a message"),
    ("null", "holds null, not a message"),
    ('"hi"', "holds a string, not a message"),
    ("7", "holds a number, not a message"),
    ("{}", "The message has no member 'type'. A client may send audio_chunk, client_heartbeat,"),
    ('{"type":null}', "The message has no member 'type'."),
    ('{"type":7}', "Member 'type' must be a string; got a number."),
    ('{"type":"Audio_Chunk"}', 'Unknown message type "Audio_Chunk". A client may send audio_chunk,'),
    (json.dumps({"type": "好" * 99}), f'Unknown message type "{"好" * 40}".'),
    ('{"type":"a\\nb"}', 'Unknown message type "a\\nb".'),
    (
        '{"type":"audio_chunk"}',
        "audio_chunk: member 'session_id' is missing. Send session_id as a JSON string.",
    ),
    (
        chunk(seq="7"),
        "audio_chunk: member 'seq' must be an unsigned integer; got a string. Send seq as a JSON number.",
    ),
    (
        chunk(seq=1.0),
        "audio_chunk: member 'seq' must be an unsigned integer; got a number with a fraction or exponent. "
        "Send seq as a whole number, without fraction or exponent.",
    ),
    (
        chunk(seq=-1),
        "audio_chunk: member 'seq' must be an unsigned integer; got a negative number. "
        "Send a number from 0 to 18446744073709551615.",
    ),
    (chunk(seq=True), "audio_chunk: member 'seq' must be an unsigned integer; got true."),
    (
        chunk(is_final="true"),
        "audio_chunk: member 'is_final' must be true or false; got a string. "
        "Send is_final as true or false, without quotes.",
    ),
    (chunk(session_id=""), "'session_id' has the wrong length. Send a string of 1 to 256 characters."),
    (chunk(session_id="s" * 257), "'session_id' has the wrong length."),
    (chunk(payload=[1]), "audio_chunk: member 'payload' must be a string; got a list."),
    (
        json.dumps({"type": "session_init", "auto_langs": ["zh", 3], "client_version": "1"}),
        "session_init: member 'platform' is missing.",
    ),
    (
        json.dumps({**FROM_CLIENT[0].full, "auto_langs": ["zh", 3]}),
        "session_init: member 'auto_langs[1]' must be a string; got a number.",
    ),
    (
        json.dumps({**FROM_CLIENT[0].full, "audio_format": "PCM16"}),
        "session_init: member 'audio_format' must be one of opus, pcm16; got another string. "
        "Send audio_format as one of these strings; case matters.",
    ),
    (
        json.dumps({**FROM_CLIENT[0].full, "sample_rate": 0}),
        "session_init: member 'sample_rate' must be an unsigned integer; got a number. "
        "Send a number from 8000 to 48000.",
    ),
]


@pytest.mark.parametrize(("frame", "sentence"), BAD_FRAMES)
def test_bad_frames_get_the_code_and_a_sentence_that_helps(frame: str | bytes, sentence: str) -> None:
    error = refusal(m.parse_client_message, frame)
    assert error.code is m.ErrorCode.INVALID_MESSAGE
    assert sentence in error.message
    assert str(error) == error.message
    assert error.message.endswith(".")
    assert "pydantic" not in error.message


BAD_NODE_FRAMES = [
    ({"extra": []}, "job_result: member 'extra' must be an object; got a list."),
    (
        {"extra": {"language_probabilities": {"my name is Ann": "x"}}},
        "job_result: member 'extra.language_probabilities.*' must be a number; got a string.",
    ),
    (
        {"quality_score": float("inf")},
        "job_result: member 'quality_score' must be a number; got a number too large.",
    ),
    ({"segments_meta": {"count": 1, "max_gap": 1}}, "member 'segments_meta.avg_duration' is missing."),
    ({"attempt_id": 2**32}, "Send a number from 0 to 4294967295."),
]


@pytest.mark.parametrize(("changes", "sentence"), BAD_NODE_FRAMES)
def test_sentences_name_members_inside_objects(changes: dict[str, Any], sentence: str) -> None:
    frame = json.dumps({**RESULT, **changes}).replace("Infinity", "1e400")
    error = refusal(m.parse_node_message, frame)
    assert sentence in error.message
    assert error.tag == "job_result"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"device": "GPU"}, "'installed_services[1].device' must be one of gpu, cpu; got another string."),
        (
            {"type": 3},
            "must be one of asr, nmt, tts, tone, semantic, phonetic, punctuation; got a number.",
        ),
    ],
)
def test_sentences_name_entries_of_lists(changes: dict[str, Any], sentence: str) -> None:
    frame = json.loads(recorded("node-agent.jsonl")[0])
    frame["installed_services"][1].update(changes)
    assert sentence in refusal(m.parse_node_message, json.dumps(frame)).message


def test_numbers_above_zero_are_asked_for_as_such() -> None:
    frame = {**json.loads(recorded("node-agent.jsonl")[0]), "heartbeat_interval_s": 0}
    assert "Send a number above 0" in refusal(m.parse_node_message, json.dumps(frame)).message


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
def test_numbers_json_does_not_have_are_refused(literal: str) -> None:
    frame = json.dumps({**RESULT, "quality_score": "@"}).replace('"@"', literal)
    assert "quality_score" in refusal(m.parse_node_message, frame).message


def test_free_members_are_written_as_json_whatever_they_held() -> None:
    """A number too large for a double reads as infinity, which JSON cannot say."""
    frame = '{"type":"webrtc_ice","room_code":"1","to":"s","candidate":[1e400,NaN]}'
    assert json.loads(m.dump(m.parse_client_message(frame)))["candidate"] == [None, None]


def test_codes_given_as_enums_are_written_as_strings() -> None:
    error = m.ErrorMessage(code=m.ErrorCode.JOB_TIMEOUT, message="late")
    assert json.loads(m.dump(error)) == {"type": "error", "code": "JOB_TIMEOUT", "message": "late"}


def test_messages_cannot_be_changed() -> None:
    message = m.SessionCloseAck(session_id="s-1")
    with pytest.raises(ValueError, match="frozen"):
        message.session_id = "s-2"  # type: ignore[misc]


def test_the_public_names_exist_and_cover_every_message() -> None:
    assert sorted(m.__all__) == m.__all__
    exported = {getattr(m, name) for name in m.__all__ if isinstance(getattr(m, name), type)}
    assert {example.model for example in FROM_NODE + TO_NODE + FROM_CLIENT + TO_CLIENT} <= exported
