"""What a store has done and how long its calls waited, cheap enough to keep for every call."""

from bisect import bisect_right
from dataclasses import dataclass, field

_FIRST_S = 10e-6
RATIO = 1.15
BOUNDS_S = [_FIRST_S * RATIO**step for step in range(100)]
"""From 10 µs to 10 s; a quantile is exact to 15 %."""


class Histogram:
    """Times in s, counted in classes that grow by 15 %."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_right(BOUNDS_S, seconds)] += 1

    def merge(self, other: "Histogram") -> None:
        """Count what another one has counted."""
        self.counts = [own + theirs for own, theirs in zip(self.counts, other.counts, strict=True)]

    @property
    def total(self) -> int:
        """How many were counted."""
        return sum(self.counts)

    def classes_ms(self) -> dict[str, int]:
        """Give the counts by the upper bound of their class, ms; the last has none."""
        bounds = [*(f"{bound * 1000:.3f}" for bound in BOUNDS_S), "inf"]
        return {bound: count for bound, count in zip(bounds, self.counts, strict=True) if count}

    def quantile(self, share: float) -> float:
        """Give the time (s) that this share of all (0 to 1) did not exceed; 0 where there are none."""
        wanted, seen = share * self.total, 0
        for index, count in enumerate(self.counts):
            seen += count
            if count and seen >= wanted:
                return BOUNDS_S[min(index, len(BOUNDS_S) - 1)]
        return 0.0


class Waits:
    """Where the time of the calls of one script or command went."""

    def __init__(self) -> None:
        self.link = Histogram()
        """From the write to the reply: network and server."""
        self.loop = Histogram()
        """Before the write and after the reply: our own event loop."""


@dataclass(slots=True)
class StoreStats:
    """Counters since the start."""

    calls: int = 0
    """Calls accepted."""
    flushes: int = 0
    """Writes in which they went out."""
    connects: int = 0
    """Connections made, the first one included."""
    losses: int = 0
    """Connections lost or discarded."""
    repeats: int = 0
    """Calls asked again: their connection was lost, or the server could not answer yet."""
    timeouts: int = 0
    """Calls that ended without an answer because their time was over."""
    refusals: int = 0
    """Calls not accepted because too many were waiting."""
    waits: dict[str, Waits] = field(default_factory=dict)
    """By the name of the script, or the first word of the command."""

    def waits_of(self, name: str) -> Waits:
        """Give the times of a script or command, made on first sight."""
        if (found := self.waits.get(name)) is None:
            found = self.waits[name] = Waits()
        return found
