"""One sentence for each error code: what the person at the other end can do about it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

#: Said for a code of a node's own, which only its operator can explain.
FALLBACK: Final = "This utterance could not be translated: please say it again."

HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "INVALID_MESSAGE": "The message could not be understood: correct it as its text says.",
        "INTERNAL_ERROR": "Something went wrong on the server: try again, and report it if it happens twice.",
        "INVALID_SESSION": "There is no such session on this connection: start one with session_init.",
        "SESSION_CLOSED": "This session has ended: start a new one with session_init.",
        "NODE_UNAVAILABLE": "The node that was to translate this went away: please say it again.",
        "NODE_OVERLOADED": "All nodes are busy: wait a moment, then say it again.",
        "MODEL_NOT_AVAILABLE": "The node lacks a model for this language: try again, or choose another.",
        "MODEL_LOAD_FAILED": "The node could not load its model: try again in a minute.",
        "UNSUPPORTED_FEATURE": "No node offers this feature: switch it off and try again.",
        "INVALID_PAIRING_CODE": "The pairing code is wrong or has expired: ask the node for a new one.",
        "NO_AVAILABLE_NODE": "No node translates between these languages now: try again, or choose others.",
        "WS_DISCONNECTED": "The connection was lost: reconnect, then say it again.",
        "NMT_TIMEOUT": "Translating took too long: say it again in shorter sentences.",
        "TTS_TIMEOUT": "Speaking the translation took too long: say it again in shorter sentences.",
        "JOB_TIMEOUT": "The translation did not come in time: please say it again.",
        "MODEL_VERIFY_FAILED": "The node's model failed its check: try again, another node may take it.",
        "MODEL_CORRUPTED": "The node's model is damaged: try again, another node may take it.",
        "NO_GPU_AVAILABLE": "The node has no GPU: add one, or run the server with REQUIRE_GPU off.",
        "NODE_ID_CONFLICT": "Another node uses this id: register without one to be given a new id.",
        "INVALID_CAPABILITY_SCHEMA": "The node is too old or too new: it must speak schema 2.0.",
        "SCHEDULER_DEPENDENCY_DOWN": "The server cannot reach its storage now: try again in a minute.",
    }
)


def hint(code: str) -> str:
    """Return the sentence for a code; codes outside the protocol get `FALLBACK`."""
    return HINTS.get(code, FALLBACK)
