"""How much one socket may say: buckets of messages and bytes that cost a subtraction each while they last."""

import time
from collections.abc import Callable

#: The buckets hold what may be said in this time, s.
_BURST_S = 2.0
#: A rate that nobody reaches.
_ANY = 1e18
#: How long one wait is at least, so that a fast talker does not cost a wait for each message, s.
_SHORTEST_S = 0.05
#: And at most, s: in between a session's silence has to be noticed.
_LONGEST_S = 1.0


class Allowance:
    """Two token buckets, of messages and of bytes; a rate of 0 never runs dry.

    The clock is read only when a bucket is empty. A peer that said too much loses nothing, it is not read
    from for a while: what it sent stays in order, and TCP holds the rest back on its side.
    """

    __slots__ = ("_burst_bytes", "_burst_messages", "_bytes", "_bytes_per_s", "_clock", "_filled_s",
                 "_messages", "_messages_per_s", "owes")  # fmt: skip

    owes: bool
    """One wait was not enough: `owed` says how long the next one is."""

    def __init__(
        self,
        messages_per_s: float,
        bytes_per_s: float,
        largest_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._messages_per_s = messages_per_s or _ANY
        self._bytes_per_s = bytes_per_s or _ANY
        self._burst_messages = max(1.0, _BURST_S * self._messages_per_s)
        self._burst_bytes = max(_BURST_S * self._bytes_per_s, 2.0 * largest_bytes)
        self._messages, self._bytes = self._burst_messages, self._burst_bytes
        self._clock = clock
        self._filled_s = clock()
        self.owes = False

    def take(self, size: int) -> float:
        """Count a message of so many bytes; give how long to wait before the next one is read, s."""
        self._messages -= 1
        self._bytes -= size
        if self._messages >= 0 and self._bytes >= 0:
            return 0.0
        return self.owed()

    def owed(self) -> float:
        """Give how long to wait now, s; 0 when all is made good."""
        now_s = self._clock()
        passed_s, self._filled_s = now_s - self._filled_s, now_s
        self._messages = min(self._burst_messages, self._messages + passed_s * self._messages_per_s)
        self._bytes = min(self._burst_bytes, self._bytes + passed_s * self._bytes_per_s)
        late_s = max(_until(self._messages, self._messages_per_s), _until(self._bytes, self._bytes_per_s))
        self.owes = late_s > _LONGEST_S
        return min(max(late_s, _SHORTEST_S), _LONGEST_S) if late_s else 0.0


def _until(tokens: float, per_s: float) -> float:
    """How long until a bucket owes nothing, s."""
    return -tokens / per_s if tokens < 0 else 0.0
