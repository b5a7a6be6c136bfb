"""What many waits come to: shares, quantiles, ratios, and how sure one may be of them.

The waits of all seeds are pooled, each seed counting the same. How much a figure would vary with other seeds
is estimated by leaving out one seed at a time (the jackknife), as waits within a seed depend on each other.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from math import ceil, inf, sqrt
from statistics import NormalDist

Interval = tuple[float, float]
Statistic = Callable[[int | None], float]
"""Gives a figure for all seeds, or for all but one."""


class Sample:
    """The waits of several seeds."""

    def __init__(self, seeds: Sequence[Sequence[float]]) -> None:
        self._seeds = [sorted(waits) for waits in seeds]
        self._all = sorted(wait for waits in self._seeds for wait in waits)
        self._sums = [sum(waits) for waits in self._seeds]
        self._waited = [len(waits) - bisect_right(waits, 0.0) for waits in self._seeds]

    @property
    def seeds(self) -> int:
        """How many seeds it has."""
        return len(self._seeds)

    @property
    def sorted(self) -> Sequence[float]:
        """Every wait, shortest first."""
        return self._all

    def p_wait(self, without: int | None = None) -> float:
        """Share of jobs that wait at all."""
        return self._total(self._waited, without) / self._count(without)

    def mean(self, without: int | None = None) -> float:
        """Mean wait."""
        return self._total(self._sums, without) / self._count(without)

    def quantile(self, share: float, without: int | None = None) -> float:
        """Wait that ``share`` of the jobs do not exceed, leaving out the seed at place ``without``."""
        rank = ceil(share * self._count(without))
        if without is None:
            return self._all[rank - 1]
        left_out = self._seeds[without]
        low, high = rank - 1, len(self._all) - 1
        while low < high:
            middle = (low + high) // 2
            wait = self._all[middle]
            if bisect_right(self._all, wait) - bisect_right(left_out, wait) >= rank:
                high = middle
            else:
                low = middle + 1
        return self._all[low]

    def figures(self) -> dict[str, float]:
        """Give the figures reported of every policy."""
        return {
            "p_wait": self.p_wait(),
            "mean": self.mean(),
            "p50": self.quantile(0.5),
            "p99": self.quantile(0.99),
            "p99.9": self.quantile(0.999),
        }

    def _count(self, without: int | None) -> int:
        return len(self._all) - (0 if without is None else len(self._seeds[without]))

    def _total(self, parts: Sequence[float], without: int | None) -> float:
        return sum(parts) - (0 if without is None else parts[without])


def ratio(above: float, below: float) -> float:
    """Divide; two zeros are equal."""
    if below == 0:
        return 1.0 if above == 0 else inf
    return above / below


def p99_ratio(above: Sample, below: Sample) -> Statistic:
    """Give the statistic: the p99 of one sample in those of another, of the same seeds."""
    return lambda without: ratio(above.quantile(0.99, without), below.quantile(0.99, without))


def interval(statistic: Statistic, seeds: int, confidence: float) -> Interval:
    """Give the interval in which a figure lies with some confidence, by the jackknife over seeds."""
    whole = statistic(None)
    if seeds < 2 or whole == inf:
        return whole, whole
    parts = [statistic(seed) for seed in range(seeds)]
    mean = sum(parts) / seeds
    error = sqrt((seeds - 1) / seeds * sum((part - mean) ** 2 for part in parts))
    reach = student(seeds - 1, confidence) * error
    return whole - reach, whole + reach


def student(freedom: int, confidence: float) -> float:
    """Two-sided quantile of Student's t (Cornish and Fisher's expansion; within 1% from 5 degrees on)."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
