"""Why a peer's wish is not done, in the protocol's words, and when to say it again."""

from typing import Any

from scheduling.messages import ErrorCode


class Refused(Exception):
    """An utterance was not accepted, or a session not opened; it took no order number."""

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        retry_after_ms: int | None = None,
        wait_ms: int | None = None,
        limit: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms
        self.wait_ms = wait_ms
        """How long it would have waited for a slot, where that is why it was refused, ms."""
        self.limit = limit
        """Which limit it passed, by its name in docs/limits.md, where that is why."""

    @property
    def details(self) -> dict[str, Any]:
        """What programs are told beside the sentence."""
        told = {"retry_after_ms": self.retry_after_ms, "wait_ms": self.wait_ms, "limit": self.limit}
        return {name: value for name, value in told.items() if value is not None}


_SAYS = {
    "sessions": "This tenant has as many sessions open as it may.",
    "waiting": "As many utterances of this tenant wait as may.",
    "jobs": "As many utterances of this tenant are under way as may be.",
    "audio": "This tenant has used up its audio of 24 hours.",
    "tenant_connections": "This tenant opens sessions too fast.",
    "peer_connections": "Your address has as many connections open as it may.",
    "peer_connections_per_s": "Your address connects too fast.",
    "guesses": "Too many wrong credentials came from your address.",
}


def over_limit(limit: str, retry_after_ms: int) -> Refused:
    """Refuse what passes a limit of a tenant or an address; ``limit`` is its name in docs/limits.md."""
    said = f"{_SAYS[limit]} Try again in {in_words(retry_after_ms)}."
    return Refused(ErrorCode.NODE_OVERLOADED, said, retry_after_ms, limit=limit)


def whole_seconds(ms: int) -> int:
    """Give a time to wait as ``Retry-After`` has it, rounded up."""
    return max(1, -(-ms // 1000))


def in_words(ms: int) -> str:
    """Say a time to wait, rounded up: seconds, minutes or hours."""
    seconds = whole_seconds(ms)
    if seconds < 120:
        return f"{seconds} s"
    return f"{-(-seconds // 60)} min" if seconds < 7200 else f"{-(-seconds // 3600)} h"
