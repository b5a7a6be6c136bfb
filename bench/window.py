"""What a web process did between two looks at its counters (`/api/v1/process?classes=1`)."""

from math import inf
from typing import Any

from scheduling.store.stats import RATIO

Counters = dict[str, Any]


class Between:
    """The times that were added between two looks."""

    def __init__(self, before: Counters, after: Counters) -> None:
        self._before = before
        self._after = after

    def flow(self, name: str) -> "Times":
        """Give the times of a flow."""
        return Times(self._before["flows"][name], self._after["flows"][name])

    def wait(self, script: str, part: str) -> "Times":
        """Give how long calls of a script waited in a part: ``link`` or ``loop``."""
        before, after = (each["link"]["waits"].get(script, {}).get(part, {}) for each in self._looks)
        return Times(before, after)

    def count(self, name: str) -> int:
        """Give the growth of a counter."""
        return int(self._after[name]) - int(self._before[name])

    @property
    def _looks(self) -> tuple[Counters, Counters]:
        return self._before, self._after


class Times:
    """Classes of times, the later less the earlier."""

    def __init__(self, before: Counters, after: Counters) -> None:
        earlier = before.get("classes_ms", {})
        grown = {float(ms): n - earlier.get(ms, 0) for ms, n in after.get("classes_ms", {}).items()}
        self._classes = sorted((ms, n) for ms, n in grown.items() if n)

    @property
    def count(self) -> int:
        """How many."""
        return sum(n for _, n in self._classes)

    def quantile_ms(self, share: float) -> float:
        """Give the time that this share (0 to 1) did not exceed; 0 where there is none.

        Within its class times are taken to be spread evenly, as Prometheus does (``histogram_quantile``).
        """
        wanted, seen = share * self.count, 0
        for ms, n in self._classes:
            if seen + n >= wanted:
                return ms * (1 - (1 - (wanted - seen) / n) * (1 - 1 / RATIO)) if ms != inf else 1e9
            seen += n
        return 0.0
