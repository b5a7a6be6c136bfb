"""The closed sets of strings on the wire. All are case-sensitive."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Codes of ``error`` and ``ui_event``. A node's own codes are passed on verbatim and may be others."""

    INVALID_MESSAGE = "INVALID_MESSAGE"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    INVALID_SESSION = "INVALID_SESSION"
    SESSION_CLOSED = "SESSION_CLOSED"
    NODE_UNAVAILABLE = "NODE_UNAVAILABLE"
    NODE_OVERLOADED = "NODE_OVERLOADED"
    MODEL_NOT_AVAILABLE = "MODEL_NOT_AVAILABLE"
    MODEL_LOAD_FAILED = "MODEL_LOAD_FAILED"
    UNSUPPORTED_FEATURE = "UNSUPPORTED_FEATURE"
    INVALID_PAIRING_CODE = "INVALID_PAIRING_CODE"
    NO_AVAILABLE_NODE = "NO_AVAILABLE_NODE"
    WS_DISCONNECTED = "WS_DISCONNECTED"
    NMT_TIMEOUT = "NMT_TIMEOUT"
    TTS_TIMEOUT = "TTS_TIMEOUT"
    JOB_TIMEOUT = "JOB_TIMEOUT"
    MODEL_VERIFY_FAILED = "MODEL_VERIFY_FAILED"
    MODEL_CORRUPTED = "MODEL_CORRUPTED"
    NO_GPU_AVAILABLE = "NO_GPU_AVAILABLE"
    NODE_ID_CONFLICT = "NODE_ID_CONFLICT"
    INVALID_CAPABILITY_SCHEMA = "INVALID_CAPABILITY_SCHEMA"
    SCHEDULER_DEPENDENCY_DOWN = "SCHEDULER_DEPENDENCY_DOWN"


class RoomErrorCode(StrEnum):
    """Codes of ``room_error``."""

    ROOM_NOT_FOUND = "ROOM_NOT_FOUND"
    ALREADY_IN_ROOM = "ALREADY_IN_ROOM"
    INVALID_ROOM_CODE = "INVALID_ROOM_CODE"
    ROOM_FULL = "ROOM_FULL"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class NodeStatus(StrEnum):
    """Where a node stands; only ``ready`` gets new jobs."""

    REGISTERING = "registering"
    READY = "ready"
    DEGRADED = "degraded"
    DRAINING = "draining"
    OFFLINE = "offline"


class ServiceType(StrEnum):
    """What a service does. Types we do not know become ``UNKNOWN`` and their entries are dropped."""

    ASR = "asr"
    NMT = "nmt"
    TTS = "tts"
    TONE = "tone"
    SEMANTIC = "semantic"
    PHONETIC = "phonetic"
    PUNCTUATION = "punctuation"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> "ServiceType | None":
        return cls.UNKNOWN if isinstance(value, str) else None


class Device(StrEnum):
    """What a service runs on."""

    GPU = "gpu"
    CPU = "cpu"


class ServiceState(StrEnum):
    """Whether an installed service runs."""

    RUNNING = "running"
    STOPPED = "stopped"
    ERROR = "error"


class StreamFormat(StrEnum):
    """Audio a client may ask to stream; ``opus`` when it does not ask."""

    OPUS = "opus"
    PCM16 = "pcm16"


class UiEventName(StrEnum):
    """Steps of an utterance that ``ui_event`` reports."""

    INPUT_STARTED = "INPUT_STARTED"
    INPUT_ENDED = "INPUT_ENDED"
    WAITING = "WAITING"
    DISPATCHED = "DISPATCHED"
    NODE_ACCEPTED = "NODE_ACCEPTED"
    ASR_PARTIAL = "ASR_PARTIAL"
    ASR_FINAL = "ASR_FINAL"
    NMT_DONE = "NMT_DONE"
    TTS_PLAY_STARTED = "TTS_PLAY_STARTED"
    TTS_PLAY_ENDED = "TTS_PLAY_ENDED"
    ERROR = "ERROR"


class UiStatus(StrEnum):
    """How the step of a ``ui_event`` went."""

    OK = "ok"
    ERROR = "error"


class BackpressureAction(StrEnum):
    """What a client is asked to do; it sends one queued frame per 500 ms, or nothing on ``PAUSE``."""

    BUSY = "BUSY"
    SLOW_DOWN = "SLOW_DOWN"
    PAUSE = "PAUSE"
