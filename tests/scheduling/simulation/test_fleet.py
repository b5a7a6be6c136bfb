"""The fleets of the scenarios."""

from random import Random

import pytest

from scheduling.simulation.fleet import PAIRS, Fleet, NoSuchFleet, alike, is_balanced, partial, two_speeds


@pytest.mark.parametrize("seed", range(5))
def test_a_node_of_a_partial_fleet_serves_two_to_four_pairs(seed: int) -> None:
    fleet = partial(16, 4, Random(seed))
    assert {mask.bit_count() for mask in fleet.masks} <= {2, 3, 4}
    assert min(len(nodes) for nodes in fleet.servers) >= 4
    assert is_balanced(fleet)
    assert fleet.masks == partial(16, 4, Random(seed)).masks


def test_a_fleet_in_which_pairs_share_too_few_nodes_is_not_balanced() -> None:
    # Twelve pairs, but one node alone has the last eleven.
    crowded = Fleet(4, (1.0, 1.0), (1, (1 << PAIRS) - 2), PAIRS)
    assert not is_balanced(crowded)
    assert is_balanced(Fleet(4, (1.0, 1.0), ((1 << PAIRS) - 1,) * 2, PAIRS))


def test_too_few_nodes_for_all_pairs_are_refused_with_advice() -> None:
    with pytest.raises(NoSuchFleet, match="take more nodes"):
        partial(2, 4, Random(1))


def test_servers_are_the_nodes_of_each_pair() -> None:
    fleet = Fleet(1, (1.0,) * 3, (0b01, 0b10, 0b11), 2)
    assert fleet.servers == ((0, 2), (1, 2))
    assert fleet.server_masks == (0b101, 0b110)


@pytest.mark.parametrize("nodes", [2, 7, 16])
def test_half_the_nodes_are_twice_as_fast_and_capacity_stays(nodes: int) -> None:
    fleet = two_speeds(nodes, 4)
    slow, fast = sorted({*fleet.speeds})
    assert fast == pytest.approx(2 * slow)
    assert fleet.capacity == pytest.approx(alike(nodes, 4).capacity)
