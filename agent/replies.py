"""What a node says about a job."""

from __future__ import annotations

import base64
import time
from typing import TypeVar

from agent.pipelines.base import PipelineError, PipelineResult
from scheduling.messages import JobAck, JobAssign, JobError, JobResult, JobStarted, NodeAsrPartial

_Notice = TypeVar("_Notice", JobAck, JobStarted)


def notice(kind: type[_Notice], job: JobAssign, node_id: str) -> _Notice:
    """Say that the job arrived (`JobAck`) or that work on it began (`JobStarted`)."""
    return kind(
        job_id=job.job_id,
        attempt_id=job.attempt_id,
        node_id=node_id,
        session_id=job.session_id,
        trace_id=job.trace_id,
    )


def partial(job: JobAssign, node_id: str, text: str, is_final: bool) -> NodeAsrPartial:
    """Say what is recognised so far."""
    return NodeAsrPartial(
        job_id=job.job_id,
        node_id=node_id,
        session_id=job.session_id,
        utterance_index=job.utterance_index,
        text=text,
        is_final=is_final,
        trace_id=job.trace_id,
    )


def success(job: JobAssign, node_id: str, result: PipelineResult, took_ms: int) -> JobResult:
    """Say that the job is done; empty texts mean that there was nothing to hear."""
    return JobResult(
        job_id=job.job_id,
        attempt_id=job.attempt_id,
        node_id=node_id,
        session_id=job.session_id,
        utterance_index=job.utterance_index,
        success=True,
        text_asr=result.text_asr,
        text_translated=result.text_translated,
        tts_audio=base64.b64encode(result.tts_audio).decode("ascii"),
        tts_format=result.tts_format,
        extra=result.extra,
        processing_time_ms=took_ms,
        trace_id=job.trace_id,
        node_completed_at_ms=_now_ms(),
    )


def failure(job: JobAssign, node_id: str, error: PipelineError, took_ms: int = 0) -> JobResult:
    """Say that the job failed, in the pipeline's own words."""
    return JobResult(
        job_id=job.job_id,
        attempt_id=job.attempt_id,
        node_id=node_id,
        session_id=job.session_id,
        utterance_index=job.utterance_index,
        success=False,
        processing_time_ms=took_ms,
        error=JobError(code=error.code, message=error.message, details=error.details),
        trace_id=job.trace_id,
        node_completed_at_ms=_now_ms(),
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
