"""What a client is told when its job ends."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.hints import FALLBACK, hint
from scheduling.jobview import JobView
from scheduling.messages import (
    ErrorCode,
    ErrorMessage,
    ExtraResult,
    JobResult,
    MissingResult,
    NetworkTimings,
    SegmentsMeta,
    ServiceTimings,
    TranslationResult,
    UiEvent,
    UiEventName,
    UiStatus,
    dump,
    parse_server_message_to_client,
)
from scheduling.results import Outcome, format_failure, format_success

NOW_MS = 1_700_000_003_000
JOB = JobView(
    job_id="job-1",
    session_id="s-ABCD1234",
    utterance_index=4,
    order=2,
    src_lang="en",
    tgt_lang="pt",
    trace_id="trace-of-the-session",
    created_ms=NOW_MS - 3_000,
    dispatched_ms=NOW_MS - 2_990,
    client_timestamp_ms=NOW_MS - 3_100,
)


def job_result(**members: Any) -> JobResult:
    given_by_node: dict[str, Any] = {
        "job_id": "job-1",
        "attempt_id": 1,
        "node_id": "node-1",
        "session_id": "s-ABCD1234",
        "utterance_index": 99,
        "success": True,
        "trace_id": "trace-of-the-node",
    }
    return JobResult(**given_by_node | members)


def translation(result: JobResult, job: JobView = JOB) -> TranslationResult:
    outcome = format_success(job, result, NOW_MS)
    assert isinstance(outcome.main, TranslationResult)
    return outcome.main


class TestTranslation:
    def test_texts_and_by_products_reach_the_client(self) -> None:
        main = translation(
            job_result(
                text_asr="And so",
                text_translated=" E assim ",
                tts_audio="UklGRg==",
                tts_format="opus",
                asr_quality_level="good",
                reason_codes=["x"],
                quality_score=0.5,
                rerun_count=1,
                segments_meta=SegmentsMeta(count=1, max_gap=0.1, avg_duration=2.0),
                extra=ExtraResult(emotion="calm"),
            )
        )
        assert main == TranslationResult(
            session_id="s-ABCD1234",
            utterance_index=4,
            job_id="job-1",
            text_asr="And so",
            text_translated=" E assim ",
            tts_audio="",
            tts_format="opus",
            trace_id="trace-of-the-session",
            extra=ExtraResult(emotion="calm"),
            network_timings=NetworkTimings(web_to_scheduler_ms=100, scheduler_to_node_ms=10),
            asr_quality_level="good",
            reason_codes=["x"],
            quality_score=0.5,
            rerun_count=1,
            segments_meta=SegmentsMeta(count=1, max_gap=0.1, avg_duration=2.0),
        )

    def test_what_belongs_to_the_release_is_left_to_it(self) -> None:
        main = translation(job_result(text_asr="a", tts_audio="UklGRg==", group_id="theirs", part_index=7))
        assert (main.tts_audio, main.group_id, main.part_index, main.scheduler_sent_at_ms) == (
            "",
            None,
            None,
            None,
        )

    def test_members_the_node_omitted_are_empty_strings_and_pcm16(self) -> None:
        main = translation(job_result(tts_audio="UklGRg=="))
        assert (main.text_asr, main.text_translated, main.tts_format) == ("", "", "pcm16")

    def test_text_without_speech_is_passed_on_untouched(self) -> None:
        """The earlier server wrote a Chinese remark in front of it."""
        main = translation(job_result(text_asr="Hello", text_translated="Olá"))
        assert (main.text_asr, main.text_translated) == ("Hello", "Olá")

    def test_each_step_that_gave_text_is_an_event(self) -> None:
        outcome = format_success(JOB, job_result(text_asr="Hello", text_translated="Olá"), NOW_MS)
        assert [(event.event, event.status, event.elapsed_ms) for event in outcome.events] == [
            (UiEventName.ASR_FINAL, UiStatus.OK, 3_000),
            (UiEventName.NMT_DONE, UiStatus.OK, 3_000),
        ]
        assert {(event.job_id, event.session_id, event.trace_id) for event in outcome.events} == {
            ("job-1", "s-ABCD1234", "trace-of-the-session")
        }
        assert outcome.error is None
        assert outcome.grouped

    def test_a_translation_without_a_transcript_is_not_grouped(self) -> None:
        outcome = format_success(JOB, job_result(text_translated="Olá", text_asr=" "), NOW_MS)
        assert [event.event for event in outcome.events] == [UiEventName.NMT_DONE]
        assert not outcome.grouped


class TestSilence:
    @pytest.mark.parametrize("text", [None, "", " \n\u3000"])
    def test_a_node_that_heard_nothing_is_missing_for_silence(self, text: str | None) -> None:
        outcome = format_success(JOB, job_result(text_asr=text, text_translated=text, tts_audio=""), NOW_MS)
        missing = MissingResult(
            session_id="s-ABCD1234",
            utterance_index=4,
            reason="silence_detected",
            created_at_ms=NOW_MS,
            trace_id="trace-of-the-session",
        )
        assert outcome == Outcome([], missing, None, grouped=False)

    def test_speech_stored_elsewhere_is_speech(self) -> None:
        outcome = format_success(JOB, job_result(), NOW_MS, has_speech=True)
        assert isinstance(outcome.main, TranslationResult)
        assert not outcome.grouped


class TestTimings:
    def test_service_timings_of_the_node_come_first(self) -> None:
        timings = ServiceTimings(asr_ms=7, total_ms=9)
        result = job_result(text_asr="a", processing_time_ms=12, extra=ExtraResult(service_timings=timings))
        assert translation(result).service_timings == timings

    def test_without_them_the_processing_time_is_the_total(self) -> None:
        result = job_result(text_asr="a", processing_time_ms=12, extra=ExtraResult(emotion="calm"))
        assert translation(result).service_timings == ServiceTimings(total_ms=12)
        assert translation(job_result(text_asr="a")).service_timings is None

    def test_the_way_back_ends_when_the_result_arrived(self) -> None:
        timings = translation(job_result(text_asr="a", node_completed_at_ms=NOW_MS - 25)).network_timings
        assert timings is not None
        assert timings.node_to_scheduler_ms == 25
        assert timings.scheduler_to_web_ms is None

    def test_clocks_that_disagree_measure_nothing(self) -> None:
        job = replace(JOB, client_timestamp_ms=JOB.created_ms, dispatched_ms=None)
        assert (
            translation(job_result(text_asr="a", node_completed_at_ms=NOW_MS + 1), job).network_timings
            is None
        )
        job = replace(job, client_timestamp_ms=JOB.created_ms + 1)
        assert translation(job_result(text_asr="a"), job).network_timings is None

    def test_an_event_before_the_job_is_no_time_ago(self) -> None:
        outcome = format_success(JOB, job_result(text_asr="a"), JOB.created_ms - 5)
        assert outcome.events[0].elapsed_ms == 0


class TestFailure:
    def test_a_nodes_own_words_are_passed_on(self) -> None:
        details = {"service_id": "asr", "service_version": None, "reason": "oom"}
        outcome = format_failure(JOB, "MODEL_NOT_AVAILABLE", "no model", details, NOW_MS)
        assert outcome.error == ErrorMessage(code="MODEL_NOT_AVAILABLE", message="no model", details=details)
        assert outcome.events == [
            UiEvent(
                trace_id="trace-of-the-session",
                session_id="s-ABCD1234",
                job_id="job-1",
                utterance_index=4,
                event=UiEventName.ERROR,
                elapsed_ms=3_000,
                status=UiStatus.ERROR,
                error_code=ErrorCode.MODEL_NOT_AVAILABLE,
                hint=hint("MODEL_NOT_AVAILABLE"),
            )
        ]
        assert not outcome.grouped

    def test_the_order_goes_on_behind_it(self) -> None:
        main = format_failure(JOB, "PROCESSING_ERROR", "it broke", None, NOW_MS).main
        assert isinstance(main, MissingResult)
        assert (main.reason, main.utterance_index, main.created_at_ms) == ("job_failed", 4, NOW_MS)

    def test_a_timeout_has_the_reason_clients_know(self) -> None:
        main = format_failure(JOB, ErrorCode.JOB_TIMEOUT, "too late", None, NOW_MS).main
        assert isinstance(main, MissingResult)
        assert main.reason == "result_timeout"

    @pytest.mark.parametrize("code", ["PROCESSING_ERROR", "INTERNAL_ERROR", "MODEL_LOAD_FAILED", ""])
    def test_codes_that_clients_do_not_expect_are_not_in_the_event(self, code: str) -> None:
        outcome = format_failure(JOB, code, "it broke", None, NOW_MS)
        assert outcome.events[0].error_code is None
        assert outcome.error is not None
        assert outcome.error.code == code

    @pytest.mark.parametrize(
        "code",
        [
            "NO_AVAILABLE_NODE",
            "MODEL_NOT_AVAILABLE",
            "WS_DISCONNECTED",
            "NMT_TIMEOUT",
            "TTS_TIMEOUT",
            "MODEL_VERIFY_FAILED",
            "MODEL_CORRUPTED",
            "NODE_UNAVAILABLE",
            "JOB_TIMEOUT",
        ],
    )
    def test_codes_that_clients_expect_are(self, code: str) -> None:
        assert format_failure(JOB, code, "it broke", None, NOW_MS).events[0].error_code == code

    def test_an_error_without_words_gets_a_hint(self) -> None:
        outcome = format_failure(JOB, "X", "", None, NOW_MS)
        assert outcome.error is not None
        assert outcome.error.message == FALLBACK


# Whatever a node sends and whatever the clocks say, the messages are ones that clients can read.

MS = st.integers(0, 2**62)
STAMP = st.none() | st.integers(-(2**63), 2**62)
TEXT = st.none() | st.text(max_size=20)
JOBS = st.builds(
    replace,
    st.just(JOB),
    created_ms=MS,
    dispatched_ms=st.none() | MS,
    client_timestamp_ms=STAMP,
)
RESULTS = st.builds(
    job_result,
    text_asr=TEXT,
    text_translated=TEXT,
    tts_audio=TEXT,
    tts_format=st.none() | st.just("opus"),
    processing_time_ms=st.none() | MS,
    node_completed_at_ms=STAMP,
    quality_score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    reason_codes=st.none() | st.lists(st.text(max_size=5), max_size=3),
)


def assert_readable(outcome: Outcome) -> None:
    for message in [*outcome.events, outcome.main, *([outcome.error] if outcome.error else [])]:
        assert parse_server_message_to_client(dump(message)) == message


@given(JOBS, RESULTS, MS)
def test_every_success_can_be_sent(job: JobView, result: JobResult, now_ms: int) -> None:
    outcome = format_success(job, result, now_ms)
    assert_readable(outcome)
    silent = not any((text or "").strip() for text in (result.text_asr, result.text_translated))
    assert isinstance(outcome.main, MissingResult) == (silent and not result.tts_audio)


@given(
    JOBS,
    st.text(max_size=256) | st.sampled_from(list(ErrorCode)),
    st.text(),
    st.none() | st.dictionaries(st.text(), st.integers() | st.text() | st.none(), max_size=3),
    MS,
)
def test_every_failure_can_be_sent(job: JobView, code: str, message: str, details: Any, now_ms: int) -> None:
    assert_readable(format_failure(job, code, message, details, now_ms))
