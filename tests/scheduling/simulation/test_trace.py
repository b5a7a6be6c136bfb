"""Traces: the same for the same seed, with the means they should have."""

from itertools import pairwise
from random import Random

import pytest

from scheduling.simulation.trace import GREED, GREEDY, Demand, Trace, without_excess

JOBS = 20_000


def draw(**changes: object) -> Trace:
    return Demand(rate=50.0, jobs=JOBS, **changes).draw(Random(1))  # type: ignore[arg-type]


def test_a_seed_gives_one_trace() -> None:
    assert draw(pairs=12) == draw(pairs=12)
    assert draw() != Demand(rate=50.0, jobs=JOBS).draw(Random(2))


def test_jobs_come_in_order_and_at_the_wanted_rate() -> None:
    trace = draw()
    assert len(trace) == JOBS
    assert all(before <= after for before, after in pairwise(trace.arrivals))
    assert JOBS / trace.arrivals[-1] == pytest.approx(50.0, rel=0.03)


@pytest.mark.parametrize("cv", [None, 1.0, 2.0])
def test_service_takes_one_unit_in_the_mean(cv: float | None) -> None:
    sizes = draw(cv=cv).sizes
    mean = sum(sizes) / JOBS
    variance = sum((size - mean) ** 2 for size in sizes) / JOBS
    assert mean == pytest.approx(1.0, abs=0.06)
    assert variance**0.5 / mean == pytest.approx(cv or 1.0, rel=0.15)


def test_bursts_come_at_once_and_leave_the_rate_as_it_is() -> None:
    trace = draw(burst=4)
    assert JOBS / trace.arrivals[-1] == pytest.approx(50.0, rel=0.06)
    assert JOBS / len({*trace.arrivals}) == pytest.approx(4.0, rel=0.05)


def test_pairs_are_asked_for_alike() -> None:
    pairs = draw(pairs=12).pairs
    assert all(pairs.count(pair) == pytest.approx(JOBS / 12, rel=0.1) for pair in range(12))


def test_without_the_excess_the_greedy_tenant_sends_its_share_and_the_others_the_same_jobs() -> None:
    trace = draw(shares=(float(GREED), 1.0, 1.0, 1.0))
    modest = without_excess(trace, Random(2))
    assert trace.tenants.count(GREEDY) == pytest.approx(JOBS * GREED / (GREED + 3), rel=0.02)
    assert modest.tenants.count(GREEDY) == pytest.approx(modest.tenants.count(1), rel=0.15)

    def others(of: Trace) -> list[tuple[float, float]]:
        return [(a, s) for a, s, t in zip(of.arrivals, of.sizes, of.tenants, strict=True) if t != GREEDY]

    assert others(modest) == others(trace)
