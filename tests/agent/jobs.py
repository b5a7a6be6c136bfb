"""Jobs for the agent's tests."""

import base64
from typing import Any

from scheduling.messages import JobAssign, PipelineConfig


def job(audio: bytes = b"hello", *, job_id: str = "job-1", attempt_id: int = 1, **members: Any) -> JobAssign:
    """An assignment of ``audio``; any member may be stated otherwise."""
    stated: dict[str, Any] = {
        "session_id": "s-1",
        "utterance_index": 0,
        "src_lang": "en",
        "tgt_lang": "pt",
        "pipeline": PipelineConfig(use_asr=True, use_nmt=True, use_tts=True),
        "audio_format": "pcm16",
        "sample_rate": 16_000,
        "trace_id": "trace-1",
    }
    return JobAssign(
        job_id=job_id,
        attempt_id=attempt_id,
        audio=base64.b64encode(audio).decode(),
        **(stated | members),
    )
