"""What stands between a question and its answer: which error it is to the caller, and what may cure it."""

from enum import Enum, auto

from scheduling.errors import (
    CommandError,
    ScriptError,
    StoreError,
    StoreOutOfMemory,
    StoreReadOnly,
    StoreUnavailable,
)
from scheduling.scripts import Script


class ErrorReply(str):
    """An error as the server replied it: ``CODE and a sentence``."""

    __slots__ = ()


class Remedy(Enum):
    """What may cure a setback."""

    NONE = auto()
    """Nothing: the caller is told at once."""
    LATER = auto()
    """The same question to the same server, in a moment."""
    LOAD = auto()
    """Loading the script, which the server has forgotten."""
    RECONNECT = auto()
    """A new connection: this one is lost, or leads to a server that no longer decides."""


_REMEDIES = {
    "NOSCRIPT": Remedy.LOAD,
    # The server is starting, or runs somebody's slow script.
    "LOADING": Remedy.LATER,
    "BUSY": Remedy.LATER,
    # A cluster that moves slots or has just lost a node; ASK ends in MOVED when the slot has moved.
    "ASK": Remedy.LATER,
    "TRYAGAIN": Remedy.LATER,
    "CLUSTERDOWN": Remedy.LATER,
    # Too few replicas for a write, no disk for one: both are repaired by operators, often in seconds.
    "NOREPLICAS": Remedy.LATER,
    "MISCONF": Remedy.LATER,
    # Fail-over: the master of this minute is elsewhere.
    "MOVED": Remedy.RECONNECT,
    "READONLY": Remedy.RECONNECT,
    "MASTERDOWN": Remedy.RECONNECT,
}

_ERRORS: dict[str, type[StoreError]] = {
    "READONLY": StoreReadOnly,
    "MISCONF": StoreReadOnly,
    "OOM": StoreOutOfMemory,
}


def remedy_for(text: str) -> Remedy:
    """Tell what may cure an error reply."""
    return _REMEDIES.get(_code(text), Remedy.NONE)


def error_for(text: str, script: Script | None) -> StoreError:
    """Give what to raise for an error reply; ``script`` is the one that was called, if any."""
    code = _code(text)
    if kind := _ERRORS.get(code):
        return kind(text)
    if code in _REMEDIES and code != "NOSCRIPT":
        return StoreUnavailable(text)
    return ScriptError(script.name, script.locate(text)) if script else CommandError(text)


def moved_to(text: str) -> tuple[str, int] | None:
    """Give the address in ``MOVED 3999 127.0.0.1:6381``; the host is empty if it is the same one."""
    if _code(text) != "MOVED":
        return None
    host, _, port = text.split(" ")[2].rpartition(":")
    return host, int(port)


def _code(text: str) -> str:
    return text.partition(" ")[0]
