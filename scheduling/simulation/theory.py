"""Erlang C: what a central first-come queue does with exponential service. Times are in mean services."""

from dataclasses import dataclass
from math import exp, log


@dataclass(frozen=True, slots=True)
class ErlangC:
    """``slots`` exchangeable slots at load factor ``rho`` below 1, Poisson arrivals."""

    slots: int
    rho: float

    def __post_init__(self) -> None:
        """Raise `ValueError` where there is no steady state."""
        if self.slots < 1 or not 0 < self.rho < 1:
            raise ValueError("Erlang C needs at least one slot and a load factor between 0 and 1")

    @property
    def p_wait(self) -> float:
        """Probability that a job finds every slot taken."""
        blocking, offered = 1.0, self.rho * self.slots
        for servers in range(1, self.slots + 1):
            blocking = offered * blocking / (servers + offered * blocking)
        return blocking / (1 - self.rho * (1 - blocking))

    @property
    def drain_rate(self) -> float:
        """Rate at which the tail of the wait falls, given that a job waits at all."""
        return self.slots * (1 - self.rho)

    @property
    def mean(self) -> float:
        """Mean wait."""
        return self.p_wait / self.drain_rate

    def quantile(self, share: float) -> float:
        """Wait that ``share`` of the jobs do not exceed."""
        return max(0.0, log(self.p_wait / (1 - share)) / self.drain_rate)

    def longer_than(self, wait: float) -> float:
        """Probability of a longer wait than ``wait``."""
        return self.p_wait * exp(-self.drain_rate * wait)
