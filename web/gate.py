"""How fast a process lets peers in: a storm of reconnects is spread out in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import uniform

import gevent

#: Share of the burst that only nodes may use: without them those who are let in have nobody to work for them.
_KEPT_FOR_NODES = 0.25
#: Nobody is asked back sooner, s: a hint that is over before it is read helps nobody.
_SOONEST_S = 1.0
#: Nor later, s: a client may resume its session for as long (`RESUME_MS`).
_LATEST_S = 30.0
#: The bucket is filled each so often, s.
_TURN_S = 0.02


class Gate:
    """A token bucket for handshakes, and for those it turns away a time to come back.

    These times follow one another as the tokens do, so that a crowd is turned away once and then comes in
    at the rate at which it can be let in. With one hint for all it would return as it came; with times drawn
    at random it would be too large again now and then.

    The bucket is filled by a greenlet's turns, not by the clock: where the event loop is late, because this
    process has not the processor it would need, they are fewer, and fewer peers come in.
    """

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = float(burst)
        self._clock = clock
        self._tokens = self._burst
        self._filler: gevent.Greenlet[[], None] | None = None
        self._promised_s = 0.0  # when the last one turned away is to come back
        self.refused = 0
        """Handshakes turned away."""

    def admit(self, *, is_node: bool) -> float | None:
        """Let a handshake in: None; or turn it away, and give the time to come back after, s."""
        kept = 0.0 if is_node else self._burst * _KEPT_FOR_NODES
        if self._tokens - kept >= 1:
            self._tokens -= 1
            if not self._filler:
                self._filler = gevent.spawn(self._fill)
            return None
        self.refused += 1
        return self._promise(self._clock())

    def turn(self) -> bool:
        """Add what belongs to one turn; True when the bucket is full."""
        self._tokens = min(self._burst, self._tokens + _TURN_S * self._per_s)
        return self._tokens == self._burst

    def _fill(self) -> None:
        is_full = False
        while not is_full:
            gevent.sleep(_TURN_S)
            is_full = self.turn()

    def _promise(self, now_s: float) -> float:
        self._promised_s = max(now_s + _SOONEST_S, self._promised_s) + 1 / self._per_s
        if self._promised_s > now_s + _LATEST_S:
            self._promised_s = now_s + _LATEST_S
            return uniform(_SOONEST_S, _LATEST_S)
        return self._promised_s - now_s
