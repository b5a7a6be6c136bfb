"""Token buckets by name: of an address, of a tenant. So many are kept at most, those used last."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

#: Names told apart at once; who floods with more of them has as many addresses.
_MOST = 20_000


@dataclass(slots=True)
class Bucket:
    """Tokens at one moment (monotonic s)."""

    tokens: float
    seen_s: float

    def wait_s(self, now_s: float, per_s: float, burst: float) -> float:
        """How long until there is a token, s; 0 when there is one."""
        self.tokens = min(burst, self.tokens + (now_s - self.seen_s) * per_s)
        self.seen_s = now_s
        return 0.0 if self.tokens >= 1 else (1 - self.tokens) / per_s


class Buckets:
    """A bucket for each name, all of one burst; the rate may be each name's own."""

    def __init__(
        self, burst: float, *, most: int = _MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst = burst
        self._most = most
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def wait_s(self, name: str, per_s: float) -> float:
        """How long until this name has a token, s; takes none."""
        bucket = self._buckets.get(name)
        return bucket.wait_s(self._clock(), per_s, self._burst) if bucket else 0.0

    def take(self, name: str, per_s: float) -> float:
        """Take a token: 0; or none, and give how long until there is one, s."""
        if wait_s := self.wait_s(name, per_s):
            return wait_s
        self.charge(name)
        return 0.0

    def charge(self, name: str) -> None:
        """Take a token that may not be there: the name owes it then, but never more than its burst."""
        bucket = self._buckets.pop(name, None) or Bucket(self._burst, self._clock())
        bucket.tokens = max(bucket.tokens - 1, -self._burst)
        self._buckets[name] = bucket  # the last of all
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)

    def give_back(self, name: str) -> None:
        """Return a token that was taken."""
        if bucket := self._buckets.get(name):
            bucket.tokens += 1
