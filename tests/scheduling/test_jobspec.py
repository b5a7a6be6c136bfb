import json
from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st

from scheduling.jobspec import JobSpec, job_of_wire_id, wire_id
from scheduling.messages import JobAssign, PipelineConfig, parse_server_message_to_node

TEXT = st.text(max_size=40)
AUDIO = st.binary(max_size=60).map(lambda data: b64encode(data).decode())


def assign(**members: object) -> JobAssign:
    given_members = {
        "job_id": "job-1",
        "attempt_id": 1,
        "session_id": "s-1",
        "utterance_index": 3,
        "src_lang": "en",
        "tgt_lang": "pt",
        "pipeline": PipelineConfig(use_asr=True, use_nmt=True, use_tts=True),
        "audio": "AAAA",
        "audio_format": "pcm16",
        "sample_rate": 16000,
        "trace_id": "t-1",
    }
    return JobAssign.model_validate(given_members | members)


@given(trace=TEXT, dialect=st.none() | TEXT, audio=AUDIO, attempt=st.integers(1, 9), semantic=st.booleans())
def test_every_attempt_sends_the_same_job(
    trace: str, dialect: str | None, audio: str, attempt: int, semantic: bool
) -> None:
    original = assign(trace_id=trace, dialect=dialect, audio=audio, is_manual_cut=True)
    stored = JobSpec.parse(JobSpec.of(original, {}).text())
    sent = parse_server_message_to_node(stored.frame("job-1", attempt, audio, use_semantic=semantic))
    assert isinstance(sent, JobAssign)
    pipeline = original.pipeline.model_copy(update={"use_semantic": semantic})
    assert sent == original.model_copy(update={"attempt_id": attempt, "pipeline": pipeline})


def test_flags_that_are_false_are_left_out_and_still_parse() -> None:
    """A job assigned to a node of another instance was stored without its false flags, could not be parsed
    again because they were required, and was lost."""
    frame = JobSpec.of(assign(), {}).frame("job-1", 1, "AAAA", use_semantic=False)
    assert "is_manual_cut" not in json.loads(frame)
    assert parse_server_message_to_node(frame) == assign()


def test_the_result_is_told_what_the_node_is_not() -> None:
    spec = JobSpec.of(assign(), {"client_timestamp_ms": 17})
    assert spec.result_view()["client_timestamp_ms"] == 17
    assert spec.result_view()["utterance_index"] == 3
    assert "client_timestamp_ms" not in json.loads(spec.frame("job-1", 1, "", use_semantic=False))


def test_a_job_that_returns_to_a_node_is_told_by_another_id() -> None:
    """Existing agents silently refuse the job id they had just before, so a retry on the only node of a
    fleet was never answered."""
    assert wire_id("job-1", 1, " a ") == "job-1"
    assert wire_id("job-1", 2, " a b ") == "job-1"
    assert wire_id("job-1", 3, " a b a ") == "job-1~3"
    assert job_of_wire_id("job-1~3") == job_of_wire_id("job-1") == "job-1"
