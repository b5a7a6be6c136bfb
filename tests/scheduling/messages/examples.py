"""One example of every message, its required and optional members apart.

Written from the protocol's tables, not from the models, so that each checks the other.
"""

from collections.abc import Callable
from typing import Any

from scheduling import messages as m
from tests.scheduling.messages.example_parts import (
    ATTEMPT,
    CAPABILITY,
    EXTRA,
    FLAGS,
    GROUP,
    HARDWARE,
    JOB,
    JOB_ERROR,
    LANGUAGES,
    MEMBER,
    MODEL,
    NETWORK,
    PIPELINE,
    QUALITY,
    RERUNS,
    RESUME,
    SERVICE,
    TIMINGS,
    TRACEPARENT,
    TWO_WAY,
    USAGE,
    Example,
    Json,
)


def _sent_by(parse: Callable[[str | bytes], Any]) -> Callable[..., Example]:
    def example(
        model: type[m.Message],
        required: Json,
        optional: Json | None = None,
        anything: str = "",
        signed: str = "",
    ) -> Example:
        return Example(
            model, required, optional or {}, parse, frozenset(anything.split()), frozenset(signed.split())
        )

    return example


_node = _sent_by(m.parse_node_message)
_to_node = _sent_by(m.parse_server_message_to_node)
_client = _sent_by(m.parse_client_message)
_to_client = _sent_by(m.parse_server_message_to_client)

_SIGNAL = {"room_code": "123456", "to": "s-2"}
_SDP = {**_SIGNAL, "sdp": {"type": "offer", "sdp": "v=0"}}
_ICE = {**_SIGNAL, "candidate": {"candidate": "candidate:1", "sdpMid": None}}
_ERROR = ({"code": "JOB_TIMEOUT", "message": "No answer in time."}, {"details": {"job_id": "job-1"}})

FROM_NODE = [
    _node(
        m.NodeRegister,
        {
            "version": "2.0.0",
            "platform": "linux",
            "hardware": HARDWARE,
            "installed_models": [MODEL],
            "capability_by_type": [CAPABILITY],
            "features_supported": FLAGS,
            "accept_public_jobs": True,
        },
        {
            "node_id": "node-A",
            "capability_schema_version": "2.0",
            "installed_services": [SERVICE],
            "advanced_features": ["x"],
            "language_capabilities": LANGUAGES,
            "max_concurrent_jobs": 8,
            "heartbeat_interval_s": 5.5,
            "acknowledges": True,
            "result_acks": True,
            "resumable": True,
            "running_attempts": [ATTEMPT],
            "credential": "secret",
        },
    ),
    _node(
        m.NodeHeartbeat,
        {
            "node_id": "node-A",
            "timestamp": 1795472006137,
            "resource_usage": USAGE,
            "installed_services": [SERVICE],
            "capability_by_type": [CAPABILITY],
        },
        {
            "installed_models": [MODEL],
            "rerun_metrics": RERUNS,
            "asr_metrics": {"processingEfficiency": 1.5},
            "processing_metrics": {"serviceEfficiencies": {"asr": 2.5}},
            "language_capabilities": LANGUAGES,
            "running_attempts": [ATTEMPT],
            "draining": True,
        },
        signed="timestamp",
    ),
    _node(m.JobAck, JOB),
    _node(m.JobStarted, JOB),
    _node(
        m.NodeAsrPartial,
        {
            "job_id": "job-1",
            "node_id": "node-A",
            "session_id": "s-1",
            "utterance_index": 4,
            "text": "你好",
            "is_final": False,
            "trace_id": "t-1",
        },
    ),
    _node(
        m.JobResult,
        {**JOB, "utterance_index": 4, "success": True},
        {
            "text_asr": "你好",
            "text_translated": "hello",
            "tts_audio": "AAAA",
            "tts_format": "opus",
            "extra": EXTRA,
            "processing_time_ms": 610,
            "error": JOB_ERROR,
            **GROUP,
            "node_completed_at_ms": 1795472006137,
            **QUALITY,
        },
        signed="node_completed_at_ms",
    ),
    _node(
        m.NodeErrorMessage,
        {"node_id": "node-A", "code": "GPU_LOST", "message": "gone"},
        {"details": [1, None]},
        anything="details",
    ),
    _node(m.NodeDrain, {"node_id": "node-A"}, {"reason": "update"}),
    _node(m.RequestPairingCode, {}),
]

TO_NODE = [
    _to_node(
        m.NodeRegisterAck,
        {"node_id": "node-A"},
        {"message": "registered", "status": "registering", "result_acks": True},
    ),
    _to_node(m.ErrorMessage, *_ERROR, anything="details"),
    _to_node(
        m.NodeStatusMessage,
        {"node_id": "node-A", "status": "degraded", "timestamp": 1795472006},
        {"reason": "gpu at 99%"},
        signed="timestamp",
    ),
    _to_node(
        m.JobAssign,
        {
            "job_id": "job-1",
            "attempt_id": 1,
            "session_id": "s-1",
            "utterance_index": 0,
            "src_lang": "auto",
            "tgt_lang": "en",
            "pipeline": PIPELINE,
            "audio": "AAAA",
            "audio_format": "opus",
            "sample_rate": 16000,
            "trace_id": "t-1",
        },
        {
            "dialect": "yue",
            "features": FLAGS,
            **TWO_WAY,
            **GROUP,
            "context_text": "before",
            "padding_ms": 220,
            "is_manual_cut": True,
            "is_pause_triggered": True,
            "is_timeout_triggered": True,
            "is_max_duration_triggered": True,
            "turn_id": "turn-1",
            "traceparent": TRACEPARENT,
            "job_token": "eyJ.e.s",
        },
    ),
    _to_node(m.JobResultAck, {"job_id": "job-1~2", "attempt_id": 2, "accepted": False}),
    _to_node(m.JobCancel, {"job_id": "job-1"}, {"trace_id": "t-1", "reason": "job_timeout"}),
    _to_node(m.NodeControl, {"command": "reload"}, {"reason": "new model"}),
    _to_node(m.PairingCode, {"code": "123456"}, {"expires_in_s": 300}),
]

FROM_CLIENT = [
    _client(
        m.SessionInit,
        {"client_version": "web-client-v1.0", "platform": "web", "src_lang": "auto", "tgt_lang": "en"},
        {
            "dialect": "yue",
            "features": FLAGS,
            "pairing_code": "123456",
            "tenant_id": "acme",
            **TWO_WAY,
            "trace_id": "t-1",
            "audio_format": "pcm16",
            "sample_rate": 16000,
            "journey": True,
            "vad": True,
            "end_of_speech_ms": 600,
            "binary_frames": True,
            "pipeline": PIPELINE,
            "resumable": True,
            "resume": RESUME,
            "traceparent": TRACEPARENT,
            "credential": "sdt_example",
        },
    ),
    _client(
        m.AudioChunk,
        {"session_id": "s-1", "seq": 7, "is_final": False},
        {"payload": "AAAA", "client_timestamp_ms": 1795472006137},
        signed="client_timestamp_ms",
    ),
    _client(
        m.Utterance,
        {
            "session_id": "s-1",
            "utterance_index": 0,
            "manual_cut": True,
            "src_lang": "zh",
            "tgt_lang": "en",
            "audio": "AAAA",
            "audio_format": "wav",
            "sample_rate": 16000,
        },
        {"dialect": "yue", "features": FLAGS, **TWO_WAY, "trace_id": "t-1", "pipeline": PIPELINE},
    ),
    _client(m.UtteranceCancel, {"session_id": "s-1", "utterance_index": 0}),
    _client(m.ClientHeartbeat, {"session_id": "s-1", "timestamp": 1795472006137}, signed="timestamp"),
    _client(m.SessionClose, {"session_id": "s-1", "reason": "done"}),
    _client(
        m.TtsStarted, {"session_id": "s-1", "trace_id": "t-1", "group_id": "g-1", "ts_start_ms": 17954720}
    ),
    _client(
        m.TtsPlayEnded, {"session_id": "s-1", "trace_id": "t-1", "group_id": "g-1", "ts_end_ms": 17954720}
    ),
    _client(m.RoomCreate, {"client_ts": 1795473283450}, {"display_name": "Bob", "preferred_lang": "en"}),
    _client(m.RoomJoin, {"room_code": "123456"}, {"display_name": "Bob", "preferred_lang": "en"}),
    _client(m.RoomLeave, {"room_code": "123456"}),
    _client(
        m.RoomRawVoicePreference,
        {"room_code": "123456", "target_session_id": "s-2", "receive_raw_voice": False},
    ),
    _client(m.WebrtcOffer, _SDP, anything="sdp"),
    _client(m.WebrtcAnswer, _SDP, anything="sdp"),
    _client(m.WebrtcIce, _ICE, anything="candidate"),
]

TO_CLIENT = [
    _to_client(
        m.SessionInitAck,
        {"session_id": "s-1", "trace_id": "t-1"},
        {
            "assigned_node_id": "node-A",
            "message": "session created",
            "protocol_version": "1.0",
            "use_binary_frame": False,
            "negotiated_codec": "opus",
            "negotiated_audio_format": "opus",
            "negotiated_sample_rate": 16000,
            "negotiated_channel_count": 1,
            "vad": True,
            "resume_token": "secret",
            "epoch": "e.1",
            "offset": 3,
            "missed": 2,
            "audio_seq": 7,
            "utterance_index": 4,
            "resumed": True,
            "history_lost": False,
            "resume_within_ms": 60000,
        },
    ),
    _to_client(
        m.TranslationResult,
        {"session_id": "s-1", "utterance_index": 0, "job_id": "job-1", "trace_id": "t-1"},
        {
            "text_asr": "你好",
            "text_translated": "hello",
            "tts_audio": "AAAA",
            "tts_format": "opus",
            "extra": EXTRA,
            **GROUP,
            "service_timings": TIMINGS,
            "network_timings": NETWORK,
            "scheduler_sent_at_ms": 1795472006137,
            **QUALITY,
            "offset": 1,
        },
        signed="scheduler_sent_at_ms",
    ),
    _to_client(
        m.ClientAsrPartial,
        {"session_id": "s-1", "utterance_index": 0, "text": "你", "is_final": False, "trace_id": "t-1"},
        {"job_id": ""},
    ),
    _to_client(
        m.MissingResult,
        {"session_id": "s-1", "utterance_index": 0, "reason": "silence_detected", "created_at_ms": 17},
        {"trace_id": "t-1", "offset": 1},
        signed="created_at_ms",
    ),
    _to_client(
        m.UiEvent,
        {
            "trace_id": "t-1",
            "session_id": "s-1",
            "job_id": "job-1",
            "utterance_index": 0,
            "event": "ERROR",
            "status": "error",
        },
        {"elapsed_ms": 12, "error_code": "JOB_TIMEOUT", "hint": "Try again.", "node_id": "node-A"},
    ),
    _to_client(m.ServerHeartbeat, {"session_id": "s-1", "timestamp": 1795472006137}, signed="timestamp"),
    _to_client(m.SessionCloseAck, {"session_id": "s-1"}),
    _to_client(m.ErrorMessage, *_ERROR, anything="details"),
    _to_client(m.Backpressure, {"action": "PAUSE"}, {"resume_after_ms": 5000}),
    _to_client(m.AudioAck, {"session_id": "s-1", "seq": 7}),
    _to_client(m.RoomCreateAck, {"room_code": "123456"}, {"room_id": "4b0c"}),
    _to_client(m.RoomMembers, {"room_code": "123456", "members": [MEMBER]}),
    _to_client(
        m.RoomError, {"code": "ROOM_NOT_FOUND"}, {"message": "no such room", "retry_after_ms": 30_000}
    ),
    _to_client(m.RoomExpired, {"room_code": "123456", "message": "silent too long"}),
    _to_client(m.WebrtcOffer, _SDP, anything="sdp"),
    _to_client(m.WebrtcAnswer, _SDP, anything="sdp"),
    _to_client(m.WebrtcIce, _ICE, anything="candidate"),
]

MESSAGES = FROM_NODE + TO_NODE + FROM_CLIENT + TO_CLIENT
