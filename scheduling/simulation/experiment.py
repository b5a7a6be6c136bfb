"""One experiment: a scenario, a load, a number of seeds; and what each seed then draws."""

from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

from scheduling.simulation import fleet as fleets
from scheduling.simulation import trace as traces
from scheduling.simulation.fleet import Fleet
from scheduling.simulation.policies import Waits
from scheduling.simulation.theory import ErlangC
from scheduling.simulation.trace import Demand, Trace

Scenario = Literal["exchangeable", "partial", "bursts", "two-speeds", "lognormal", "tenants"]
SCENARIOS: tuple[Scenario, ...] = get_args(Scenario)

#: Share of each trace that is left out of all figures: the fleet begins empty.
WARM_UP = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What is simulated. Fleet and trace follow from it and a seed: every policy is given the same."""

    nodes: int = 16
    slots: int = 4
    rho: float = 0.85
    """Load factor: work asked for per work that can be done."""
    jobs: int = 20_000
    """Of each seed."""
    seeds: tuple[int, ...] = tuple(range(1, 21))
    scenario: Scenario = "exchangeable"
    policies: tuple[str, ...] = ()
    """Peers to compare with, by their names in `policies.CHOICES`."""
    cv: float = 2.0
    """Of the service time, in the scenario `lognormal`."""
    service_ms: float = 3000.0
    """What a mean service is on the ledger's clock, ms."""

    def fleet(self, seed: int) -> Fleet:
        """Give the nodes of a seed. Raises `NoSuchFleet`."""
        if self.scenario == "partial":
            return fleets.partial(self.nodes, self.slots, self.random(seed, "fleet"))
        if self.scenario == "two-speeds":
            return fleets.two_speeds(self.nodes, self.slots)
        return fleets.alike(self.nodes, self.slots)

    def trace(self, seed: int, fleet: Fleet) -> Trace:
        """Give what is asked of the fleet; in `tenants`, with the excess of the greedy one."""
        return self._demand(fleet).draw(self.random(seed, "trace"))

    def modest(self, seed: int, trace: Trace) -> Trace:
        """Give the trace without the excess."""
        return traces.without_excess(trace, self.random(seed, "excess"))

    def kept(self, trace: Trace) -> list[int]:
        """Give the jobs that figures are made of: after the warm-up, in `tenants` those of the others."""
        begin = WARM_UP * self.jobs / self.rate
        numbers = [number for number, arrival in enumerate(trace.arrivals) if arrival >= begin]
        if self.scenario == "tenants":
            return [number for number in numbers if trace.tenants[number] != traces.GREEDY]
        return numbers

    def keep(self, trace: Trace, waits: Waits) -> Waits:
        """Give their waits."""
        return [waits[number] for number in self.kept(trace)]

    @property
    def rate(self) -> float:
        """Jobs that come in one mean service."""
        greed = (traces.TENANTS - 1 + traces.GREED) / traces.TENANTS if self.scenario == "tenants" else 1.0
        return self.rho * self.nodes * self.slots * greed

    @property
    def theory(self) -> ErlangC | None:
        """Give what is known exactly of the ideal; None where nothing is."""
        if self.scenario not in ("exchangeable", "partial"):
            return None
        return ErlangC(self.nodes * self.slots, self.rho)

    def random(self, seed: int, purpose: str) -> Random:
        """Give the generator of a seed for one purpose, so that no draw shifts another."""
        return Random(f"{seed} {purpose}")

    def _demand(self, fleet: Fleet) -> Demand:
        if self.scenario == "bursts":
            return Demand(self.rate, self.jobs, burst=traces.BURST)
        if self.scenario == "lognormal":
            return Demand(self.rate, self.jobs, cv=self.cv)
        if self.scenario == "tenants":
            shares = (float(traces.GREED), *(1.0,) * (traces.TENANTS - 1))
            return Demand(self.rate, self.jobs, shares=shares)
        return Demand(self.rate, self.jobs, pairs=fleet.pairs)
