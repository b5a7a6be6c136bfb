"""Why somebody may not enter, in a word for programs and a sentence for people; never with a secret in it."""

#: Codes that peers and callers are told; HTTP has a status for each.
UNAUTHORIZED = "UNAUTHORIZED"
FORBIDDEN = "FORBIDDEN"
OVERLOADED = "NODE_OVERLOADED"

_STATUS = {UNAUTHORIZED: 401, FORBIDDEN: 403, OVERLOADED: 429}


class BadCredentials(Exception):
    """The credentials of the server cannot be read; the sentence says where and what to write."""


class Refusal(Exception):
    """A credential was not accepted.

    ``code`` is UNAUTHORIZED where another credential is needed, FORBIDDEN where this one is known and does
    not allow what was asked, OVERLOADED where too many wrong ones came before. ``reason`` is one word, as of
    ``token check``: expired, unknown, revoked …
    """

    def __init__(
        self, reason: str, message: str, code: str = UNAUTHORIZED, retry_after_ms: int | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.code = code
        self.retry_after_ms = retry_after_ms
        """When one is looked at again; None where that would change nothing."""

    @property
    def status(self) -> int:
        """Give the HTTP status that goes with the code."""
        return _STATUS[self.code]
