"""Every error code on the wire: what it means, who sends it, whether trying again helps."""

from dataclasses import dataclass
from typing import Final

from scheduling.hints import HINTS


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """One code. ``retry``: no, yes, or after a time; ``to`` says who is told, and over what."""

    code: str
    meaning: str
    retry: str
    to: str
    advice: str = ""

    @property
    def says(self) -> str:
        """What the person should do: the sentence that is sent, unless there is another."""
        return self.advice or HINTS.get(self.code, "")


_E = ErrorEntry
_STATED = "after `retry_after_ms` (HTTP: `Retry-After`), else 5000 ms"

ERRORS: Final = (
    _E("INVALID_MESSAGE", "A message or request is malformed.", "no", "client, node, HTTP 400, 408, 413"),
    _E("INTERNAL_ERROR", "A fault of the server.", "after 1000 ms", "client, node, HTTP 500"),
    _E("INVALID_SESSION", "The session named is not that of this connection.", "no", "client"),
    _E("SESSION_CLOSED", "The session has ended, or the server restarts.", "yes, in a new session",
       "client, HTTP 503"),
    _E("NODE_UNAVAILABLE", "The node was lost, and no attempt was left.", "yes", "client"),
    _E("NODE_OVERLOADED", "No slot is free and too many jobs wait, too many are under way, or a limit is "
       "reached (`details.limit`).", _STATED, "client, node, HTTP 429"),
    _E("MODEL_NOT_AVAILABLE", "Nodes lack a model they offered.", "after 1000 ms", "client; sent by nodes"),
    _E("MODEL_LOAD_FAILED", "A node could not load a model.", "after 60000 ms", "client; sent by nodes"),
    _E("UNSUPPORTED_FEATURE", "No connected node can do this.", "no", "client, HTTP 422"),
    _E("INVALID_PAIRING_CODE", "The pairing code is unknown or has expired.", "no", "client"),
    _E("NO_AVAILABLE_NODE", "No node for this is connected now.", "after 5000 ms", "client, HTTP 503"),
    _E("WS_DISCONNECTED", "The connection to the node broke.", "yes", "client"),
    _E("NMT_TIMEOUT", "Translating took too long.", "yes", "client; sent by nodes"),
    _E("TTS_TIMEOUT", "Speaking took too long.", "yes", "client; sent by nodes"),
    _E("JOB_TIMEOUT", "The job did not end by its deadline.", "yes", "client"),
    _E("MODEL_VERIFY_FAILED", "A model failed its check on the node.", "yes", "client; sent by nodes"),
    _E("MODEL_CORRUPTED", "A model is damaged on the node.", "yes", "client; sent by nodes"),
    _E("NO_GPU_AVAILABLE", "A node without a GPU registered where one is required.", "no", "node"),
    _E("NODE_ID_CONFLICT", "The node id belongs to another credential.", "no", "node"),
    _E("INVALID_CAPABILITY_SCHEMA", "The node speaks another version of the schema.", "no", "node"),
    _E("SCHEDULER_DEPENDENCY_DOWN", "The server cannot reach its storage, or lost it.", "after 5000 ms",
       "client, node, HTTP 503"),
    _E("JOB_CANCELLED", "An operator ended the job.", "yes", "client",
       "An operator cancelled this utterance; the message gives the reason."),
    _E("ROOM_NOT_FOUND", "There is no room of this code.", "no", "client (`room_error`)",
       "Ask for the code again, or make a room."),
    _E("ALREADY_IN_ROOM", "The session is in a room.", "no", "client (`room_error`)", "Leave it first."),
    _E("INVALID_ROOM_CODE", "A room code has 6 digits; this is none.", "no", "client (`room_error`)",
       "Type the code as it was given."),
    _E("ROOM_FULL", "The room has as many members as it may.", "after 60000 ms", "client (`room_error`)",
       "Wait until somebody leaves, or make another room."),
    _E("UNAUTHORIZED", "A credential is missing, wrong or has ended.", "no", "client, node, HTTP 401",
       "Send a valid token, as a bearer token or in the first message; the message says what is wrong."),
    _E("FORBIDDEN", "The credential does not allow this, or was taken away; without credentials only the "
       "server's own machine may ask.", "no", "client, node, HTTP 403",
       "Use a credential of the right role, languages and origin; operators: set ADMIN_TOKEN."),
    _E("NOT_FOUND", "There is no such path, node, job or session.", "no", "HTTP 404",
       "Look at the id; records end a while after what they are about."),
    _E("METHOD_NOT_ALLOWED", "The path has other methods.", "no", "HTTP 405",
       "Use one of the methods in the header Allow."),
    _E("CONFLICT", "The job has ended otherwise already.", "no", "HTTP 409", "Nothing is left to do."),
)  # fmt: skip


def errors_table() -> str:
    """Describe every code as a Markdown table, for ``docs/errors.md``."""
    rows = ["| code | meaning | what to do | worth trying again | told to |", "|---|---|---|---|---|"]
    rows += [
        f"| `{entry.code}` | {entry.meaning} | {entry.says} | {entry.retry} | {entry.to} |"
        for entry in ERRORS
    ]
    return "\n".join(rows) + "\n"
