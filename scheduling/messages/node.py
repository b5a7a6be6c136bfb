"""Messages between a node and the server (``/ws/node``)."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from scheduling.messages.base import I64, U32, U64, Flag, Id, Items, MaybeSpoken, Message, Spoken, Word
from scheduling.messages.codes import NodeStatus
from scheduling.messages.nested import (
    AsrMetrics,
    Capabilities,
    ExtraResult,
    FeatureFlags,
    HardwareInfo,
    InstalledModel,
    InstalledServices,
    JobError,
    NodeLanguageCapabilities,
    PipelineConfig,
    ProcessingMetrics,
    RerunMetrics,
    ResourceUsage,
    RunningAttempt,
    SegmentsMeta,
)


def _is_false(value: bool) -> bool:
    return not value


#: A flag that older agents only know when it is true, so false is not written.
RareFlag = Annotated[Flag, Field(exclude_if=_is_false)]


class NodeRegister(Message):
    """Node to server, first on the socket: who it is and what it can do.

    The members from ``max_concurrent_jobs`` on are additions that existing agents do not send.
    """

    type: Literal["node_register"] = "node_register"
    node_id: Id | None = None
    version: Word
    capability_schema_version: Word | None = None
    platform: Word
    hardware: HardwareInfo
    installed_models: Items[InstalledModel]
    installed_services: InstalledServices | None = None
    capability_by_type: Capabilities
    features_supported: FeatureFlags
    advanced_features: Items[str] | None = None
    accept_public_jobs: bool
    language_capabilities: NodeLanguageCapabilities | None = None
    #: Slots the node offers; the server caps them.
    max_concurrent_jobs: U32 | None = None
    #: Seconds between its heartbeats, 15 when unstated.
    heartbeat_interval_s: Annotated[float, Field(gt=0)] | None = None
    #: It sends ``job_ack`` and ``job_started``, so their absence means something.
    acknowledges: RareFlag = False
    #: It comes back after a lost socket with its jobs still running.
    resumable: RareFlag = False
    #: It keeps each result until ``job_result_ack`` names it.
    result_acks: RareFlag = False
    running_attempts: Items[RunningAttempt] | None = None
    credential: MaybeSpoken = None


class NodeRegisterAck(Message):
    """Server to node: registered under this id. The node heartbeats at once.

    With ``result_acks`` each ``job_result`` is answered by ``job_result_ack``, as the node asked.
    """

    type: Literal["node_register_ack"] = "node_register_ack"
    node_id: Id
    message: str = "registered"
    status: NodeStatus = NodeStatus.REGISTERING
    result_acks: RareFlag = False


class NodeHeartbeat(Message):
    """Node to server, every 15 s: load and what is ready. ``timestamp`` is its clock in ms, not used."""

    type: Literal["node_heartbeat"] = "node_heartbeat"
    node_id: Id
    timestamp: I64
    resource_usage: ResourceUsage
    installed_models: Items[InstalledModel] | None = None
    installed_services: InstalledServices
    capability_by_type: Capabilities
    rerun_metrics: RerunMetrics | None = None
    asr_metrics: AsrMetrics | None = None
    processing_metrics: ProcessingMetrics | None = None
    language_capabilities: NodeLanguageCapabilities | None = None
    running_attempts: Items[RunningAttempt] | None = None
    draining: RareFlag = False


class NodeStatusMessage(Message):
    """Server to node, on a change of its status. ``timestamp`` is in seconds; ``reason`` may be null."""

    writes_null: ClassVar[bool] = True

    type: Literal["node_status"] = "node_status"
    node_id: Id
    status: NodeStatus
    reason: str | None = None
    timestamp: I64


class JobAssign(Message):
    """Server to node: do this job. Audio is base64 in ``audio_format``; rates in Hz, times in ms.

    ``traceparent`` (W3C Trace Context) is there where the server makes traces.
    """

    type: Literal["job_assign"] = "job_assign"
    job_id: Id
    attempt_id: U32
    session_id: Id
    utterance_index: U64
    src_lang: Word
    tgt_lang: Word
    dialect: Word | None = None
    features: FeatureFlags | None = None
    pipeline: PipelineConfig
    audio: Spoken
    audio_format: Word
    sample_rate: U32
    mode: Word | None = None
    lang_a: Word | None = None
    lang_b: Word | None = None
    auto_langs: Items[Word] | None = None
    enable_streaming_asr: bool | None = None
    partial_update_interval_ms: U64 | None = None
    trace_id: Word
    group_id: Word | None = None
    part_index: U64 | None = None
    context_text: MaybeSpoken = None
    #: Silence the node should append.
    padding_ms: U64 | None = None
    is_manual_cut: RareFlag = False
    is_pause_triggered: RareFlag = False
    is_timeout_triggered: RareFlag = False
    is_max_duration_triggered: RareFlag = False
    turn_id: Word | None = None
    traceparent: Word | None = None
    #: JWT that names job, attempt and node, where the server makes one (`JOB_TOKEN_SECRET`).
    job_token: MaybeSpoken = None


class JobCancel(Message):
    """Server to node, best effort: stop this job."""

    type: Literal["job_cancel"] = "job_cancel"
    job_id: Id
    trace_id: Word | None = None
    reason: Word | None = None


class JobAck(Message):
    """Node to server: the assignment arrived."""

    type: Literal["job_ack"] = "job_ack"
    job_id: Id
    attempt_id: U32
    node_id: Id
    session_id: Id
    trace_id: Word


class JobStarted(Message):
    """Node to server: work on the attempt began."""

    type: Literal["job_started"] = "job_started"
    job_id: Id
    attempt_id: U32
    node_id: Id
    session_id: Id
    trace_id: Word


class NodeAsrPartial(Message):
    """Node to server: what was recognised so far."""

    type: Literal["asr_partial"] = "asr_partial"
    job_id: Id
    node_id: Id
    session_id: Id
    utterance_index: U64
    text: Spoken
    is_final: bool
    trace_id: Word


class JobResult(Message):
    """Node to server: the end of an attempt. Speech is base64 in ``tts_format``; quality is 0..1."""

    type: Literal["job_result"] = "job_result"
    job_id: Id
    attempt_id: U32
    node_id: Id
    session_id: Id
    utterance_index: U64
    success: bool
    text_asr: MaybeSpoken = None
    text_translated: MaybeSpoken = None
    tts_audio: MaybeSpoken = None
    tts_format: Word | None = None
    extra: ExtraResult | None = None
    processing_time_ms: U64 | None = None
    error: JobError | None = None
    trace_id: Word
    group_id: Word | None = None
    part_index: U64 | None = None
    node_completed_at_ms: I64 | None = None
    asr_quality_level: Word | None = None
    reason_codes: Items[Word] | None = None
    quality_score: float | None = None
    rerun_count: U32 | None = None
    segments_meta: SegmentsMeta | None = None


class JobResultAck(Message):
    """Server to node, if both want it: a ``job_result`` is on record, or came too late (``accepted`` false).

    Either way the node need not send it again. Without this answer it does after a reconnect.
    """

    type: Literal["job_result_ack"] = "job_result_ack"
    job_id: Id
    attempt_id: U32
    accepted: bool


class NodeErrorMessage(Message):
    """Node to server: something is wrong on the node, not with one job."""

    type: Literal["node_error"] = "node_error"
    node_id: Id
    code: Word
    message: str
    details: Any = None


class NodeControl(Message):
    """Server to node: an operator's command."""

    type: Literal["node_control"] = "node_control"
    command: Word
    reason: str | None = None


class NodeDrain(Message):
    """Node to server: give it no new jobs, it is about to leave."""

    type: Literal["node_drain"] = "node_drain"
    node_id: Id
    reason: str | None = None


class RequestPairingCode(Message):
    """Node to server: its user wants a code that binds a session to this node."""

    type: Literal["request_pairing_code"] = "request_pairing_code"


class PairingCode(Message):
    """Server to node: the code to show, and for how many seconds it is valid."""

    type: Literal["pairing_code"] = "pairing_code"
    code: Word
    expires_in_s: U32 | None = None
