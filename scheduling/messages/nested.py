"""Objects that occur inside messages."""

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from scheduling.messages.base import U32, U64, Flag, Id, Items, WireModel, Word
from scheduling.messages.codes import Device, ServiceState, ServiceType


class GpuInfo(WireModel):
    """One GPU of a node; memory in GB."""

    name: Word
    memory_gb: U32


class HardwareInfo(WireModel):
    """A node's machine; memory in GB."""

    cpu_cores: U32
    memory_gb: U32
    gpus: Items[GpuInfo] | None = None


class InstalledModel(WireModel):
    """A model on a node's disk. ``kind`` is free: asr, nmt, tts, vad, emotion, other."""

    model_id: Word
    kind: Word
    src_lang: Word | None = None
    tgt_lang: Word | None = None
    dialect: Word | None = None
    version: Word
    enabled: bool | None = None


class InstalledService(WireModel):
    """A service process on a node; ``mem_mb`` in MB, ``warmup_ms`` in ms."""

    service_id: Word
    type: ServiceType
    device: Device
    status: ServiceState
    version: Word | None = None
    model_id: Word | None = None
    engine: Word | None = None
    mem_mb: U32 | None = None
    warmup_ms: U32 | None = None
    last_error: str | None = None


class CapabilityByType(WireModel):
    """Whether a node can do one type of service now, and which implementations make it so."""

    type: ServiceType
    ready: bool
    reason: Word | None = None
    ready_impl_ids: Items[Word] | None = None


def _known_services(entries: list[InstalledService]) -> list[InstalledService]:
    return [entry for entry in entries if entry.type is not ServiceType.UNKNOWN]


def _known_capabilities(entries: list[CapabilityByType]) -> list[CapabilityByType]:
    return [entry for entry in entries if entry.type is not ServiceType.UNKNOWN]


#: Lists from a newer agent may name service types we do not know; those entries are left out.
InstalledServices = Annotated[Items[InstalledService], AfterValidator(_known_services)]
Capabilities = Annotated[Items[CapabilityByType], AfterValidator(_known_capabilities)]


class LanguagePair(WireModel):
    """A direction of translation."""

    src: Word
    tgt: Word


class NmtCapability(WireModel):
    """What a translation model covers. Rules we do not know cover nothing."""

    model_id: Word
    languages: Items[Word]
    rule: Word
    blocked_pairs: Items[LanguagePair] | None = None
    supported_pairs: Items[LanguagePair] | None = None


class NodeLanguageCapabilities(WireModel):
    """Languages of a node's ready services, in the earlier (NMT and pairs) or later (semantic) shape."""

    asr_languages: Items[Word] | None = None
    tts_languages: Items[Word] | None = None
    semantic_languages: Items[Word] | None = None
    nmt_capabilities: Items[NmtCapability] | None = None
    supported_language_pairs: Items[LanguagePair] | None = None
    semantic_core_ready: bool | None = None


class FeatureFlags(WireModel):
    """Optional speech features: supported by a node, or asked for by a session."""

    emotion_detection: bool | None = None
    voice_style_detection: bool | None = None
    speech_rate_detection: bool | None = None
    speech_rate_control: bool | None = None
    speaker_identification: bool | None = None
    persona_adaptation: bool | None = None


class PipelineConfig(WireModel):
    """The services one job runs through."""

    use_asr: bool
    use_nmt: bool
    use_tts: bool
    use_semantic: Flag = False
    use_tone: Flag = False


class ResourceUsage(WireModel):
    """A node's load; percentages 0..100. ``running_jobs`` is shown and compared, never believed."""

    cpu_percent: float
    gpu_percent: float | None = None
    gpu_mem_percent: float | None = None
    mem_percent: float
    running_jobs: U64


class RunningAttempt(WireModel):
    """A job attempt a node still works on, reported so that a lost ledger can be rebuilt."""

    job_id: Id
    attempt_id: U32


class _CamelModel(WireModel):
    """The metrics objects, whose members are camelCase on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)


class RerunMetrics(_CamelModel):
    """Recognition reruns of a node since it started (cumulative)."""

    total_reruns: U64
    successful_reruns: U64
    failed_reruns: U64
    timeout_reruns: U64
    quality_improvements: U64


class AsrMetrics(_CamelModel):
    """Deprecated: seconds of audio per second of recognition."""

    processing_efficiency: float | None = None


class ProcessingMetrics(_CamelModel):
    """Seconds of audio per second of work, by service id."""

    service_efficiencies: dict[str, float]


class ServiceTimings(WireModel):
    """Time spent in each service of a job, in ms."""

    asr_ms: U64 | None = None
    nmt_ms: U64 | None = None
    tts_ms: U64 | None = None
    total_ms: U64 | None = None


class NetworkTimings(WireModel):
    """Time spent between the stations of a job, in ms."""

    web_to_scheduler_ms: U64 | None = None
    scheduler_to_node_ms: U64 | None = None
    node_to_scheduler_ms: U64 | None = None
    scheduler_to_web_ms: U64 | None = None


class ExtraResult(WireModel):
    """By-products of recognition. Probabilities are 0..1."""

    emotion: Word | None = None
    speech_rate: float | None = None
    voice_style: Word | None = None
    service_timings: ServiceTimings | None = None
    language_probability: float | None = None
    language_probabilities: dict[str, float] | None = None
    reason: Word | None = None


class SegmentsMeta(WireModel):
    """Segments of a recognised utterance; gap and duration in seconds."""

    count: U32
    max_gap: float
    avg_duration: float


class JobError(WireModel):
    """Why a node could not do a job, in its own words."""

    code: Word
    message: str
    details: Any = None


class RoomMember(WireModel):
    """Somebody in a room. ``joined_at`` is RFC 3339; ``participant_id`` is the session id."""

    participant_id: Id
    session_id: Id
    display_name: Word | None = None
    preferred_lang: Word | None = None
    raw_voice_preferences: dict[str, bool] = Field(default_factory=dict)
    joined_at: Word
