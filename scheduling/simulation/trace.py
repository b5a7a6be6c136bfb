"""What is asked of a fleet: when each job comes, how much work it is, which pair, whose."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log, log1p, sqrt
from random import Random

#: Mean number of jobs that come at once in the scenario ``bursts``.
BURST = 3
#: Tenants of the scenario ``tenants``, and which of them sends how many times its share.
TENANTS = 4
GREEDY = 0
GREED = 10


@dataclass(frozen=True, slots=True)
class Trace:
    """Jobs by number, in order of arrival; times in mean services."""

    arrivals: list[float]
    sizes: list[float]
    """Service time at speed 1."""
    pairs: list[int]
    tenants: list[int]

    def __len__(self) -> int:
        return len(self.arrivals)

    def only(self, wanted: Callable[[int], bool]) -> "Trace":
        """Give the jobs whose number is ``wanted``, at their own times."""
        numbers = [number for number in range(len(self)) if wanted(number)]
        return Trace(
            [self.arrivals[number] for number in numbers],
            [self.sizes[number] for number in numbers],
            [self.pairs[number] for number in numbers],
            [self.tenants[number] for number in numbers],
        )


@dataclass(frozen=True, slots=True)
class Demand:
    """How traces are drawn."""

    rate: float
    """Jobs in one mean service."""
    jobs: int
    pairs: int = 1
    burst: int = 1
    """Mean number of jobs that come at once; how many is geometric."""
    cv: float | None = None
    """Coefficient of variation of a lognormal service time; exponential when None."""
    shares: tuple[float, ...] = (1.0,)
    """Of each tenant how much of the jobs it sends, in proportion."""

    def draw(self, random: Random) -> Trace:
        """Draw one trace; the same generator gives the same."""
        size = self._size(random)
        arrivals = self._arrivals(random)
        sizes = [size() for _ in range(self.jobs)]
        pairs = [int(random.random() * self.pairs) for _ in range(self.jobs)]
        tenants = random.choices(range(len(self.shares)), self.shares, k=self.jobs)
        return Trace(arrivals, sizes, pairs, tenants)

    def _arrivals(self, random: Random) -> list[float]:
        times: list[float] = []
        now = 0.0
        while len(times) < self.jobs:
            now += random.expovariate(self.rate / self.burst)
            times += [now] * self._batch(random)
        return times[: self.jobs]

    def _batch(self, random: Random) -> int:
        if self.burst == 1:
            return 1
        return 1 + int(log(1 - random.random()) / log1p(-1 / self.burst))

    def _size(self, random: Random) -> Callable[[], float]:
        if self.cv is None:
            return lambda: random.expovariate(1.0)
        sigma = sqrt(log1p(self.cv**2))
        return lambda: exp(random.gauss(-(sigma**2) / 2, sigma))


def without_excess(trace: Trace, random: Random) -> Trace:
    """Give the trace as it were if the greedy tenant sent only its share."""
    kept = [tenant != GREEDY or random.random() * GREED < 1 for tenant in trace.tenants]
    return trace.only(kept.__getitem__)
