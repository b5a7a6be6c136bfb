"""The other dispatchers, on traces small enough to follow and large enough to compare."""

from random import Random

import pytest

from scheduling.simulation.fleet import Fleet, alike, partial
from scheduling.simulation.policies import CHOICES, bound_at_arrival, central, power_of_two, stale
from scheduling.simulation.summary import Sample
from scheduling.simulation.theory import ErlangC
from scheduling.simulation.trace import Demand, Trace


def trace(*jobs: tuple[float, float], pairs: list[int] | None = None) -> Trace:
    arrivals, sizes = ([job[part] for job in jobs] for part in (0, 1))
    return Trace(arrivals, sizes, pairs or [0] * len(jobs), [0] * len(jobs))


def test_the_ideal_serves_in_order_of_arrival() -> None:
    jobs = trace((0.0, 3.0), (0.0, 1.0), (0.5, 1.0), (0.6, 1.0))
    assert central(jobs, alike(2, 1)) == pytest.approx([0.0, 0.0, 0.5, 1.4])


def test_the_ideal_takes_a_fast_slot_where_it_can() -> None:
    fleet = Fleet(1, (0.5, 2.0), (1, 1), 1)
    # The first is done at 0.5 on the fast node, the second at 2 on the slow one.
    assert central(trace((0.0, 1.0), (0.0, 1.0), (0.4, 1.0), (0.4, 1.0)), fleet) == pytest.approx(
        [0.0, 0.0, 0.1, 0.6]
    )


def test_a_job_bound_to_a_node_waits_for_it_though_another_is_idle() -> None:
    jobs = trace((0.0, 5.0), (1.0, 1.0), (2.0, 1.0))
    assert bound_at_arrival(jobs, alike(2, 1), lambda nodes, loads, now: nodes[0]) == [0.0, 4.0, 4.0]


def test_power_of_two_takes_the_less_loaded() -> None:
    choose = power_of_two(alike(2, 4), Random(1))
    assert {choose((0, 1), (3, 1), 0.0) for _ in range(20)} == {1}
    assert choose((1,), (0, 3), 0.0) == 1


def test_stale_goes_by_what_was_heard_last() -> None:
    choose = stale(alike(2, 4), Random(1))
    assert choose((0, 1), (0, 3), 1.5) == 0
    assert choose((0, 1), (4, 3), 1.9) == 0
    assert choose((0, 1), (4, 3), 2.1) == 1


@pytest.mark.parametrize("name", sorted(CHOICES))
def test_no_policy_leaves_a_node_to_a_pair_it_does_not_serve(name: str) -> None:
    fleet = partial(16, 4, Random(1))
    jobs = Demand(20.0, 500, fleet.pairs).draw(Random(1))
    choose = CHOICES[name](fleet, Random(1))
    pair_of = {nodes: pair for pair, nodes in enumerate(fleet.servers)}
    seen: set[tuple[int, int]] = set()

    def noted(nodes: tuple[int, ...], loads: list[int], now: float) -> int:
        node = choose(nodes, loads, now)
        seen.add((pair_of[nodes], node))
        return node

    waits = bound_at_arrival(jobs, fleet, noted)  # type: ignore[arg-type]
    assert len(waits) == 500
    assert min(waits) >= 0.0
    assert all(fleet.masks[node] >> pair & 1 for pair, node in seen)


def test_the_ideal_agrees_with_theory_and_nobody_beats_it() -> None:
    fleet = alike(4, 4)
    seeds = [Demand(0.85 * 16, 20_000).draw(Random(seed)) for seed in range(4)]
    ideal = Sample([central(jobs, fleet)[4000:] for jobs in seeds])
    theory = ErlangC(16, 0.85)
    assert ideal.p_wait() == pytest.approx(theory.p_wait, rel=0.1)
    assert ideal.mean() == pytest.approx(theory.mean, rel=0.2)
    for name, make in CHOICES.items():
        peer = Sample([bound_at_arrival(jobs, fleet, make(fleet, Random(1)))[4000:] for jobs in seeds])
        assert peer.quantile(0.99) > ideal.quantile(0.99), name
        assert peer.mean() > ideal.mean(), name
