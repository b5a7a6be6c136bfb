"""Which node errors another node may cure."""

from typing import Final

#: What lies in the job itself fails everywhere; everything else (a missing model, a crash, a time-out of
#: one machine) is worth another node.
_INCURABLE: Final = frozenset(
    {"INVALID_MESSAGE", "INVALID_AUDIO", "UNSUPPORTED_FEATURE", "UNSUPPORTED_LANGUAGE"}
)


def is_curable(code: str) -> bool:
    """Whether a job that failed with this code is tried on another node."""
    return code not in _INCURABLE
