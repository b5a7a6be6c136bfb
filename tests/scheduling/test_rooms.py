"""Codes, lists of members, and what a speaker's utterance is for its listeners."""

from typing import Any

import pytest

from scheduling.ledger import Member
from scheduling.messages import JobAssign, PipelineConfig
from scheduling.rooms import assign_for, is_code, members_message, propose_codes


def assignment(**changes: Any) -> JobAssign:
    members: dict[str, Any] = {
        "job_id": "-",
        "attempt_id": 1,
        "session_id": "s",
        "utterance_index": 3,
        "src_lang": "en-US",
        "tgt_lang": "pt",
        "pipeline": PipelineConfig(use_asr=True, use_nmt=True, use_tts=True),
        "audio": "",
        "audio_format": "pcm16",
        "sample_rate": 16_000,
        "enable_streaming_asr": True,
        "trace_id": "t",
    }
    return JobAssign(**members | changes)


def test_codes_have_six_digits_and_differ() -> None:
    codes = [code for _ in range(50) for code in propose_codes()]
    assert all(is_code(code) and 100_000 <= int(code) <= 999_999 for code in codes)
    assert len(set(codes)) > 300


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "１２３４５６", "-12345", " 12345"])
def test_what_is_no_code(code: str) -> None:
    assert not is_code(code)


def test_list_leaves_out_preferences_about_who_left() -> None:
    ann = Member("a", "Ann", "pt", 1_800_000_000_123, {"b": False, "gone": False})
    bob = Member("b", "", "", 1_800_000_000_124, {})
    first, second = members_message("123456", [ann, bob]).members
    assert first.raw_voice_preferences == {"b": False}
    assert first.joined_at == "2027-01-15T08:00:00.123Z"
    assert (second.display_name, second.preferred_lang) == (None, None)


def test_another_language_is_translated_and_one_job_streams() -> None:
    job = assign_for(assignment(mode="two_way_auto", lang_a="en", lang_b="pt"), "de", streams=True)
    assert (job.tgt_lang, job.enable_streaming_asr) == ("de", True)
    assert (job.mode, job.lang_a, job.lang_b) == (None, None, None)
    assert job.pipeline.use_nmt
    assert assign_for(assignment(), "de", streams=False).enable_streaming_asr is False


def test_the_speakers_own_language_is_only_recognised() -> None:
    pipeline = assign_for(assignment(), "en", streams=True).pipeline
    assert (pipeline.use_asr, pipeline.use_nmt, pipeline.use_tts) == (True, False, False)
    assert assign_for(assignment(src_lang="auto"), "en", streams=True).pipeline.use_nmt
