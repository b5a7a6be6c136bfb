"""What an example is, and one of every nested object, its required and optional members apart.

Written from the protocol's tables, not from the models, so that each checks the other.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scheduling import messages as m

Json = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """A message: who parses it, its members, and which of them may hold anything or be negative."""

    model: type[m.WireModel]
    required: Json
    optional: Json = field(default_factory=dict)
    parse: Callable[[str | bytes], Any] | None = None
    anything: frozenset[str] = frozenset()
    signed: frozenset[str] = frozenset()

    @property
    def full(self) -> Json:
        return {**self.tag, **self.required, **self.optional}

    @property
    def minimal(self) -> Json:
        return {**self.tag, **self.required}

    @property
    def tag(self) -> Json:
        is_message = issubclass(self.model, m.Message)
        return {"type": self.model.model_fields["type"].default} if is_message else {}

    def read(self, text: str) -> Any:
        return (self.parse or self.model.model_validate_json)(text)


FLAGS = {
    "emotion_detection": True,
    "voice_style_detection": False,
    "speech_rate_detection": True,
    "speech_rate_control": False,
    "speaker_identification": True,
    "persona_adaptation": False,
}
PIPELINE = {"use_asr": True, "use_nmt": True, "use_tts": False, "use_semantic": True, "use_tone": False}
HARDWARE = {"cpu_cores": 8, "memory_gb": 32, "gpus": [{"name": "RTX 4090", "memory_gb": 24}]}
MODEL = {
    "model_id": "whisper",
    "kind": "asr",
    "src_lang": "zh",
    "tgt_lang": "en",
    "dialect": "yue",
    "version": "1.2.3",
    "enabled": True,
}
SERVICE = {
    "service_id": "piper-tts",
    "type": "tts",
    "device": "gpu",
    "status": "running",
    "version": "1.0.0",
    "model_id": "piper",
    "engine": "onnx",
    "mem_mb": 900,
    "warmup_ms": 1500,
    "last_error": "out of memory",
}
CAPABILITY = {"type": "asr", "ready": True, "reason": "no_impl", "ready_impl_ids": ["faster-whisper-vad"]}
PAIR = {"src": "zh", "tgt": "en"}
NMT = {
    "model_id": "m2m100",
    "languages": ["zh", "en", "ja"],
    "rule": "any_to_any",
    "blocked_pairs": [{"src": "ja", "tgt": "zh"}],
    "supported_pairs": [PAIR],
}
LANGUAGES = {
    "asr_languages": ["zh", "en"],
    "tts_languages": ["en"],
    "semantic_languages": ["zh"],
    "nmt_capabilities": [NMT],
    "supported_language_pairs": [PAIR],
    "semantic_core_ready": True,
}
USAGE = {
    "cpu_percent": 12.5,
    "gpu_percent": 80.0,
    "gpu_mem_percent": 60.25,
    "mem_percent": 40.5,
    "running_jobs": 2,
}
RERUNS = {
    "totalReruns": 5,
    "successfulReruns": 3,
    "failedReruns": 1,
    "timeoutReruns": 1,
    "qualityImprovements": 2,
}
TIMINGS = {"asr_ms": 300, "nmt_ms": 90, "tts_ms": 210, "total_ms": 610}
NETWORK = {
    "web_to_scheduler_ms": 20,
    "scheduler_to_node_ms": 5,
    "node_to_scheduler_ms": 7,
    "scheduler_to_web_ms": 9,
}
EXTRA = {
    "emotion": "calm",
    "speech_rate": 1.25,
    "voice_style": "plain",
    "service_timings": TIMINGS,
    "language_probability": 0.5,
    "language_probabilities": {"zh": 0.75, "en": 0.25},
    "reason": "NO_TEXT_ASSIGNED",
}
SEGMENTS = {"count": 3, "max_gap": 0.5, "avg_duration": 1.5}
JOB_ERROR = {"code": "MODEL_NOT_AVAILABLE", "message": "no such model", "details": {"service_id": "nmt"}}
ATTEMPT = {"job_id": "job-1", "attempt_id": 2}
MEMBER = {
    "participant_id": "s-1",
    "session_id": "s-1",
    "display_name": "Bob",
    "preferred_lang": "en",
    "raw_voice_preferences": {"s-2": False},
    "joined_at": "2026-01-10T10:00:00+00:00",
}
QUALITY = {
    "asr_quality_level": "good",
    "reason_codes": ["short"],
    "quality_score": 0.75,
    "rerun_count": 1,
    "segments_meta": SEGMENTS,
}
GROUP = {"group_id": "g-1", "part_index": 3}
TWO_WAY = {
    "mode": "two_way_auto",
    "lang_a": "zh",
    "lang_b": "en",
    "auto_langs": ["zh", "en"],
    "enable_streaming_asr": True,
    "partial_update_interval_ms": 1000,
}
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
RESUME = {"session_id": "s-1", "token": "secret", "epoch": "e.1", "offset": 3}
JOB = {"job_id": "job-1", "attempt_id": 1, "node_id": "node-A", "session_id": "s-1", "trace_id": "t-1"}


def _split(whole: Json, *required: str) -> tuple[Json, Json]:
    return {k: whole[k] for k in required}, {k: v for k, v in whole.items() if k not in required}


def _nested(model: type[m.WireModel], whole: Json, *required: str, anything: str = "") -> Example:
    return Example(model, *_split(whole, *required), anything=frozenset(anything.split()))


NESTED = [
    _nested(m.HardwareInfo, HARDWARE, "cpu_cores", "memory_gb"),
    _nested(m.GpuInfo, {"name": "RTX", "memory_gb": 8}, "name", "memory_gb"),
    _nested(m.InstalledModel, MODEL, "model_id", "kind", "version"),
    _nested(m.InstalledService, SERVICE, "service_id", "type", "device", "status"),
    _nested(m.CapabilityByType, CAPABILITY, "type", "ready"),
    _nested(m.LanguagePair, PAIR, *PAIR),
    _nested(m.NmtCapability, NMT, "model_id", "languages", "rule"),
    _nested(m.NodeLanguageCapabilities, LANGUAGES),
    _nested(m.FeatureFlags, FLAGS),
    _nested(m.PipelineConfig, PIPELINE, "use_asr", "use_nmt", "use_tts"),
    _nested(m.ResourceUsage, USAGE, "cpu_percent", "mem_percent", "running_jobs"),
    _nested(m.RerunMetrics, RERUNS, *RERUNS),
    _nested(m.AsrMetrics, {"processingEfficiency": 1.5}),
    _nested(m.ProcessingMetrics, {"serviceEfficiencies": {"asr": 2.5}}, "serviceEfficiencies"),
    _nested(m.ServiceTimings, TIMINGS),
    _nested(m.NetworkTimings, NETWORK),
    _nested(m.ExtraResult, EXTRA),
    _nested(m.SegmentsMeta, SEGMENTS, *SEGMENTS),
    _nested(m.JobError, JOB_ERROR, "code", "message", anything="details"),
    _nested(m.RunningAttempt, ATTEMPT, *ATTEMPT),
    _nested(m.Resume, RESUME, *RESUME),
    _nested(m.RoomMember, MEMBER, "participant_id", "session_id", "joined_at"),
]
