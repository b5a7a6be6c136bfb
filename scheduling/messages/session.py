"""Messages between a client and the server (``/ws/session``), rooms apart."""

from typing import Annotated, Any, Literal

from pydantic import Field

from scheduling.messages.base import I64, U16, U32, U64, Flag, Id, Items, MaybeSpoken, Message, Spoken, Word
from scheduling.messages.codes import BackpressureAction, ErrorCode, StreamFormat, UiEventName, UiStatus
from scheduling.messages.nested import (
    ExtraResult,
    FeatureFlags,
    NetworkTimings,
    PipelineConfig,
    SegmentsMeta,
    ServiceTimings,
)
from scheduling.messages.resume import MaybeSecret, Resume

#: Rates, in Hz, at which speech makes sense; a client may negotiate one of them.
StreamRate = Annotated[int, Field(ge=8_000, le=48_000)]


#: Silence that ends speech, ms.
SilenceMs = Annotated[int, Field(ge=200, le=10_000)]


class SessionInit(Message):
    """Client to server, first on the socket: who speaks which languages.

    ``audio_format`` and ``sample_rate`` (Hz) are additions; existing clients stream opus at 16 kHz.
    ``pipeline`` names the services of all its utterances; when unset they are ASR, NMT and TTS. With
    ``vad`` an utterance of pcm16 ends ``end_of_speech_ms`` (600 when unset) after its last word; with
    ``binary_frames`` audio may come in binary frames. With ``journey`` the client is told of each
    utterance when it began, was cut (``hint`` is the reason) and waits, and which node works on it.
    A ``resumable`` client may come back after it lost its socket: with ``resume``. ``traceparent`` (W3C Trace
    Context) is the span that the server's and the node's spans of its utterances belong to. ``credential`` is
    a token, for who cannot send it in the handshake, as browsers.
    """

    type: Literal["session_init"] = "session_init"
    client_version: Word
    platform: Word
    src_lang: Word
    tgt_lang: Word
    dialect: Word | None = None
    features: FeatureFlags | None = None
    pairing_code: Word | None = None
    tenant_id: Word | None = None
    mode: Word | None = None
    lang_a: Word | None = None
    lang_b: Word | None = None
    auto_langs: Items[Word] | None = None
    enable_streaming_asr: bool | None = None
    partial_update_interval_ms: U64 | None = None
    trace_id: Word | None = None
    audio_format: StreamFormat | None = None
    sample_rate: StreamRate | None = None
    journey: bool | None = None
    vad: bool | None = None
    end_of_speech_ms: SilenceMs | None = None
    binary_frames: bool | None = None
    pipeline: PipelineConfig | None = None
    resumable: bool | None = None
    resume: Resume | None = None
    traceparent: Word | None = None
    credential: MaybeSpoken = None


class SessionInitAck(Message):
    """Server to client: the session exists. The defaults are the constants existing clients expect.

    ``vad`` answers a client that asked for it: false for Opus, which is not decoded here.

    Only a client that asked to be resumable gets what follows. To come back it names ``resume_token``,
    ``epoch`` and the last ``offset`` it has, within ``resume_within_ms``. ``resumed``: this is its former
    session; results after ``offset`` follow, ``missed`` of them at once. It sends audio from chunk
    ``audio_seq``; ``utterance_index`` is the next one cut. ``history_lost``: results may be missing for good.
    """

    type: Literal["session_init_ack"] = "session_init_ack"
    session_id: Id
    assigned_node_id: Id | None = None
    message: str = "session created"
    trace_id: Word
    protocol_version: Word = "1.0"
    use_binary_frame: Flag = False
    negotiated_codec: Word = "opus"
    negotiated_audio_format: Word = "opus"
    negotiated_sample_rate: U32 = 16_000
    negotiated_channel_count: U16 = 1
    vad: bool | None = None
    resume_token: MaybeSecret = None
    epoch: Word | None = None
    offset: U64 | None = None
    missed: U64 | None = None
    audio_seq: U64 | None = None
    utterance_index: U64 | None = None
    resumed: bool | None = None
    history_lost: bool | None = None
    resume_within_ms: U64 | None = None


class AudioChunk(Message):
    """Client to server: a piece of speech in base64. ``is_final`` ends the utterance by hand."""

    type: Literal["audio_chunk"] = "audio_chunk"
    session_id: Id
    seq: U64
    is_final: bool
    payload: MaybeSpoken = None
    client_timestamp_ms: I64 | None = None


class Utterance(Message):
    """Client to server: a whole utterance at once. Audio is base64 in ``audio_format``; rate in Hz."""

    type: Literal["utterance"] = "utterance"
    session_id: Id
    utterance_index: U64
    manual_cut: bool
    src_lang: Word
    tgt_lang: Word
    dialect: Word | None = None
    features: FeatureFlags | None = None
    audio: Spoken
    audio_format: Word
    sample_rate: U32
    mode: Word | None = None
    lang_a: Word | None = None
    lang_b: Word | None = None
    auto_langs: Items[Word] | None = None
    enable_streaming_asr: bool | None = None
    partial_update_interval_ms: U64 | None = None
    trace_id: Word | None = None
    pipeline: PipelineConfig | None = None


class ClientHeartbeat(Message):
    """Client to server: still here. ``timestamp`` is its clock in ms."""

    type: Literal["client_heartbeat"] = "client_heartbeat"
    session_id: Id
    timestamp: I64


class ServerHeartbeat(Message):
    """Server to client: the answer to ``client_heartbeat``, with the server's clock in ms."""

    type: Literal["server_heartbeat"] = "server_heartbeat"
    session_id: Id
    timestamp: I64


class SessionClose(Message):
    """Client to server: the speaker is done; what is queued still comes."""

    type: Literal["session_close"] = "session_close"
    session_id: Id
    reason: str


class SessionCloseAck(Message):
    """Server to client: the session is gone."""

    type: Literal["session_close_ack"] = "session_close_ack"
    session_id: Id


class UtteranceCancel(Message):
    """Client to server: nobody wants this utterance any more; it ends in ``missing_result`` ``cancelled``."""

    type: Literal["utterance_cancel"] = "utterance_cancel"
    session_id: Id
    utterance_index: U64


class TtsStarted(Message):
    """Client to server: it plays translated speech; its clock in ms."""

    type: Literal["tts_started"] = "tts_started"
    session_id: Id
    trace_id: Word
    group_id: Word
    ts_start_ms: U64


class TtsPlayEnded(Message):
    """Client to server: it finished playing translated speech; its clock in ms."""

    type: Literal["tts_play_ended"] = "tts_play_ended"
    session_id: Id
    trace_id: Word
    group_id: Word
    ts_end_ms: U64


class TranslationResult(Message):
    """Server to client: an utterance in both languages and as speech (base64 in ``tts_format``).

    ``offset`` counts what a resumable session's client is sent, here and in ``missing_result``.
    """

    type: Literal["translation_result"] = "translation_result"
    session_id: Id
    utterance_index: U64
    job_id: Word
    text_asr: Spoken = ""
    text_translated: Spoken = ""
    tts_audio: Spoken = ""
    tts_format: Word = "pcm16"
    trace_id: Word
    extra: ExtraResult | None = None
    group_id: Word | None = None
    part_index: U64 | None = None
    service_timings: ServiceTimings | None = None
    network_timings: NetworkTimings | None = None
    scheduler_sent_at_ms: I64 | None = None
    asr_quality_level: Word | None = None
    reason_codes: Items[Word] | None = None
    quality_score: float | None = None
    rerun_count: U32 | None = None
    segments_meta: SegmentsMeta | None = None
    offset: U64 | None = None


class ClientAsrPartial(Message):
    """Server to client: what was recognised so far; ``job_id`` is always empty."""

    type: Literal["asr_partial"] = "asr_partial"
    session_id: Id
    utterance_index: U64
    job_id: Word = ""
    text: Spoken
    is_final: bool
    trace_id: Word


class MissingResult(Message):
    """Server to client: this utterance has no result, and why; server clock in ms."""

    type: Literal["missing_result"] = "missing_result"
    session_id: Id
    utterance_index: U64
    reason: Word
    created_at_ms: I64
    trace_id: Word | None = None
    offset: U64 | None = None


class UiEvent(Message):
    """Server to client: an utterance reached a step, so many ms after its job was created.

    ``node_id``, and INPUT_STARTED, INPUT_ENDED and WAITING, are for clients that asked for the ``journey``.
    """

    type: Literal["ui_event"] = "ui_event"
    trace_id: Word
    session_id: Id
    job_id: Word
    utterance_index: U64
    event: UiEventName
    elapsed_ms: U64 | None = None
    status: UiStatus
    error_code: ErrorCode | None = None
    hint: str | None = None
    node_id: Id | None = None


class Backpressure(Message):
    """Server to client: send more slowly, or not at all for ``resume_after_ms`` (5000 when unset)."""

    type: Literal["backpressure"] = "backpressure"
    action: BackpressureAction
    resume_after_ms: U64 | None = None


class ErrorMessage(Message):
    """Server to either peer: something it sent or asked for failed. A node's own codes come verbatim."""

    type: Literal["error"] = "error"
    code: Word
    message: str
    details: Any = None
