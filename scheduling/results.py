"""Turn the end of a job into what its client is told.

Every job ends in exactly one `main` message, which takes the job's place in the order of results:
the translation, or a `missing_result` that says there is none, so that nobody waits for it.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from scheduling.hints import hint
from scheduling.jobview import JobView
from scheduling.languages import fold
from scheduling.messages import (
    ErrorCode,
    ErrorMessage,
    JobResult,
    MissingResult,
    NetworkTimings,
    ServiceTimings,
    TranslationResult,
    UiEvent,
    UiEventName,
    UiStatus,
)

#: Reasons of `missing_result` that existing clients know, and ours for a job that failed otherwise.
SILENCE: Final = "silence_detected"
TIMEOUT: Final = "result_timeout"
FAILED: Final = "job_failed"
WITHDRAWN: Final = "cancelled"

#: Code of a job that its own client cancelled; it needs no error.
WITHDRAWN_CODE: Final = "UTTERANCE_CANCELLED"

#: Codes that `ui_event.error_code` carries: those of a node that clients know, and our own verdicts.
SHOWN_CODES: Final = frozenset(
    {
        ErrorCode.NO_AVAILABLE_NODE,
        ErrorCode.MODEL_NOT_AVAILABLE,
        ErrorCode.WS_DISCONNECTED,
        ErrorCode.NMT_TIMEOUT,
        ErrorCode.TTS_TIMEOUT,
        ErrorCode.MODEL_VERIFY_FAILED,
        ErrorCode.MODEL_CORRUPTED,
        ErrorCode.NODE_UNAVAILABLE,
        ErrorCode.NODE_OVERLOADED,
        ErrorCode.JOB_TIMEOUT,
        ErrorCode.SCHEDULER_DEPENDENCY_DOWN,
    }
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a client is told about one job: `events`, then `error` if any, and `main` in its turn.

    `grouped` says that the result has text and therefore belongs to an utterance group; the group and
    part, the speech and the time of sending are filled in when it is released.
    """

    events: list[UiEvent]
    main: TranslationResult | MissingResult
    error: ErrorMessage | None
    grouped: bool


def format_success(
    job: JobView, result: JobResult, now_ms: int, *, has_speech: bool | None = None
) -> Outcome:
    """Return the messages for a result with ``success`` true, received at `now_ms`.

    `has_speech` says whether speech came with it when that is stored elsewhere and no longer in
    `result`. A node that heard nothing sends empty texts and no speech: that is `silence_detected`.
    """
    heard, translated = bool(_words(result.text_asr)), bool(_words(result.text_translated))
    if has_speech is None:
        has_speech = bool(result.tts_audio)
    if not (heard or translated or has_speech):
        return Outcome([], _missing(job, SILENCE, now_ms), error=None, grouped=False)
    steps = [(heard, UiEventName.ASR_FINAL), (translated, UiEventName.NMT_DONE)]
    events = [_event(job, name, now_ms) for done, name in steps if done]
    return Outcome(events, _translation(job, result, now_ms), error=None, grouped=heard)


def for_listeners(job: JobView, outcome: Outcome) -> Outcome:
    """Give the outcome as members of a room hear it.

    Those who speak the speaker's language find its words where they look for a translation.
    """
    main = outcome.main
    if isinstance(main, TranslationResult) and fold(job.src_lang) == fold(job.tgt_lang):
        return replace(outcome, main=main.model_copy(update={"text_translated": main.text_asr}))
    return outcome


def format_failure(job: JobView, code: str, message: str, details: Any, now_ms: int) -> Outcome:
    """Return the messages for a job that ended at `now_ms` without a result.

    `code`, `message` and `details` are a node's own, passed on as they are, or our verdict.
    """
    if code == WITHDRAWN_CODE:
        return Outcome([], _missing(job, WITHDRAWN, now_ms), error=None, grouped=False)
    event = _event(job, UiEventName.ERROR, now_ms, code)
    error = ErrorMessage(code=code, message=message or hint(code), details=details)
    reason = TIMEOUT if code == ErrorCode.JOB_TIMEOUT else FAILED
    return Outcome([event], _missing(job, reason, now_ms), error, grouped=False)


def _words(text: str | None) -> str:
    return (text or "").strip()


def _event(job: JobView, name: UiEventName, now_ms: int, code: str | None = None) -> UiEvent:
    return UiEvent(
        trace_id=job.trace_id,
        session_id=job.session_id,
        job_id=job.job_id,
        utterance_index=job.utterance_index,
        event=name,
        elapsed_ms=max(0, now_ms - job.created_ms),
        status=UiStatus.OK if code is None else UiStatus.ERROR,
        error_code=ErrorCode(code) if code in SHOWN_CODES else None,
        hint=None if code is None else hint(code),
    )


def _missing(job: JobView, reason: str, now_ms: int) -> MissingResult:
    return MissingResult(
        session_id=job.session_id,
        utterance_index=job.utterance_index,
        reason=reason,
        created_at_ms=now_ms,
        trace_id=job.trace_id,
    )


def _translation(job: JobView, result: JobResult, now_ms: int) -> TranslationResult:
    return TranslationResult(
        session_id=job.session_id,
        utterance_index=job.utterance_index,
        job_id=job.job_id,
        text_asr=result.text_asr or "",
        text_translated=result.text_translated or "",
        tts_format=result.tts_format or "pcm16",
        trace_id=job.trace_id,
        extra=result.extra,
        service_timings=_service_timings(result),
        network_timings=_network_timings(job, result, now_ms),
        asr_quality_level=result.asr_quality_level,
        reason_codes=result.reason_codes,
        quality_score=result.quality_score,
        rerun_count=result.rerun_count,
        segments_meta=result.segments_meta,
    )


def _service_timings(result: JobResult) -> ServiceTimings | None:
    if result.extra is not None and result.extra.service_timings is not None:
        return result.extra.service_timings
    if result.processing_time_ms is None:
        return None
    return ServiceTimings(total_ms=result.processing_time_ms)


def _network_timings(job: JobView, result: JobResult, now_ms: int) -> NetworkTimings | None:
    """Three clocks meet here; a difference below zero only says that they disagree, and is left out."""
    from_client = _since(job.client_timestamp_ms, job.created_ms) or None
    to_node = _since(job.created_ms, job.dispatched_ms)
    from_node = _since(result.node_completed_at_ms, now_ms)
    if from_client is to_node is from_node is None:
        return None
    return NetworkTimings(
        web_to_scheduler_ms=from_client, scheduler_to_node_ms=to_node, node_to_scheduler_ms=from_node
    )


def _since(start_ms: int | None, end_ms: int | None) -> int | None:
    if start_ms is None or end_ms is None or end_ms < start_ms:
        return None
    return end_ms - start_ms
