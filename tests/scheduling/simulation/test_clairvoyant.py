"""The yardstick of partly compatible fleets."""

from random import Random

from scheduling.simulation.clairvoyant import clairvoyant
from scheduling.simulation.fleet import Fleet, alike, partial
from scheduling.simulation.policies import bound_at_arrival, central, power_of_two
from scheduling.simulation.trace import Demand, Trace


def test_it_keeps_a_node_free_for_whom_it_sees_coming() -> None:
    # Node 0 serves both pairs, node 1 only pair 0; a job of pair 1 comes soon.
    fleet = Fleet(1, (1.0, 1.0), (0b11, 0b01), 2)
    soon = Trace([0.0, 0.1], [1.0, 1.0], [0, 1], [0, 0])
    assert clairvoyant(soon, fleet) == [0.0, 0.0]


def test_it_does_not_see_further_than_it_is_said_to() -> None:
    # Both nodes serve pair 0 and one more pair; which one pair 0 should leave free only the future tells.
    fleet = Fleet(1, (1.0, 1.0), (0b011, 0b101), 3)
    for pair in (1, 2):
        later = Trace([0.0, 0.8], [1.0, 1.0], [0, pair], [0, 0])
        assert clairvoyant(later, fleet, sight=1.0) == [0.0, 0.0]
    waits = [
        sum(clairvoyant(Trace([0.0, 0.8], [1.0, 1.0], [0, pair], [0, 0]), fleet, 0.5)) for pair in (1, 2)
    ]
    assert sorted(waits) == [0.0, 0.19999999999999996]


def test_where_every_node_serves_everything_it_is_the_ideal() -> None:
    fleet = alike(4, 2)
    trace = Demand(0.9 * 8, 2000).draw(Random(3))
    ideal = central(trace, fleet)
    assert all(abs(a - b) < 1e-9 for a, b in zip(clairvoyant(trace, fleet), ideal, strict=True))


def test_it_is_between_the_ideal_and_those_who_know_less() -> None:
    fleet = partial(16, 4, Random(1))
    trace = Demand(0.85 * 64, 5000, fleet.pairs).draw(Random(1))
    seer = sum(clairvoyant(trace, fleet))
    assert (
        sum(central(trace, fleet))
        < seer
        < sum(bound_at_arrival(trace, fleet, power_of_two(fleet, Random(1))))
    )
