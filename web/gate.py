"""How fast a process lets peers in: a storm of reconnects is spread out in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import uniform

#: Share of the burst that only nodes may use: without them those who are let in have nobody to work for them.
_KEPT_FOR_NODES = 0.25
#: Nobody is asked back sooner, s: a hint that is over before it is read helps nobody.
_SOONEST_S = 1.0
#: Nor later, s: a client may resume its session for as long (`RESUME_MS`).
_LATEST_S = 30.0


class Gate:
    """A token bucket for handshakes, and for those it turns away a time to come back.

    These times follow one another as the tokens do, so that a crowd is turned away once and then comes in
    at the rate at which it can be let in. With one hint for all it would return as it came; with times drawn
    at random it would be too large again now and then.
    """

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = float(burst)
        self._clock = clock
        self._tokens = self._burst
        self._filled_s = clock()
        self._promised_s = 0.0  # when the last one turned away is to come back
        self.refused = 0
        """Handshakes turned away."""

    def admit(self, *, is_node: bool) -> float | None:
        """Let a handshake in: None; or turn it away, and give the time to come back after, s."""
        now_s = self._clock()
        self._tokens = min(self._burst, self._tokens + (now_s - self._filled_s) * self._per_s)
        self._filled_s = now_s
        kept = 0.0 if is_node else self._burst * _KEPT_FOR_NODES
        if self._tokens - kept >= 1:
            self._tokens -= 1
            return None
        self.refused += 1
        return self._promise(now_s)

    def _promise(self, now_s: float) -> float:
        self._promised_s = max(now_s + _SOONEST_S, self._promised_s) + 1 / self._per_s
        if self._promised_s > now_s + _LATEST_S:
            self._promised_s = now_s + _LATEST_S
            return uniform(_SOONEST_S, _LATEST_S)
        return self._promised_s - now_s
