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


_WHAT = {
    "sessions": "as many sessions are open as may be",
    "waiting": "as many utterances wait as may",
    "jobs": "as many utterances are under way as may be",
    "audio": "as much was said in the last 24 hours as may be",
    "tenant_connections": "sessions were opened too fast",
    "peer_connections": "as many connections are open as may be",
    "peer_connections_per_s": "connections were opened too fast",
}


def over_limit(limit: str, retry_after_ms: int) -> Refused:
    """Refuse what passes a limit of a tenant or an address; ``limit`` is its name in docs/limits.md."""
    whose = "your address" if limit.startswith("peer_") else "this tenant"
    return Refused(
        ErrorCode.NODE_OVERLOADED,
        f"Of {whose} {_WHAT[limit]}. Try again in {in_words(retry_after_ms)}.",
        retry_after_ms,
        limit=limit,
    )


def in_words(ms: int) -> str:
    """Say a time to wait: seconds, or minutes where there are many."""
    seconds = max(1, -(-ms // 1000))
    return f"{seconds} s" if seconds < 600 else f"{-(-seconds // 60)} min"
