"""The nodes of a simulation: slots, speeds, and which language pairs each can serve."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

#: Fleets of the scenario ``partial``: so many pairs, of which a node serves so few.
PAIRS = 12
FEWEST, MOST = 2, 4
_DRAWS = 1000


class NoSuchFleet(Exception):
    """No fleet with the wanted properties was found; the text says what to change."""


@dataclass(frozen=True)
class Fleet:
    """Nodes by number; speed 1 serves a job of the mean size in one mean service."""

    slots: int
    """Slots of each node."""
    speeds: tuple[float, ...]
    """One a node."""
    masks: tuple[int, ...]
    """Of each node the pairs it serves: bit p for pair p."""
    pairs: int
    """How many pairs there are; they are asked for equally often."""

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.speeds)

    @property
    def capacity(self) -> float:
        """Work done in one mean service when every slot is busy."""
        return self.slots * sum(self.speeds)

    @cached_property
    def servers(self) -> tuple[tuple[int, ...], ...]:
        """Of each pair the nodes that serve it."""
        return tuple(
            tuple(node for node, mask in enumerate(self.masks) if mask >> pair & 1)
            for pair in range(self.pairs)
        )

    @cached_property
    def server_masks(self) -> tuple[int, ...]:
        """The same as bits: bit n for node n."""
        return tuple(sum(1 << node for node in nodes) for nodes in self.servers)


def alike(nodes: int, slots: int) -> Fleet:
    """Give nodes that all can do the same, equally fast."""
    return Fleet(slots, (1.0,) * nodes, (1,) * nodes, 1)


def two_speeds(nodes: int, slots: int) -> Fleet:
    """Make every second node twice as fast as the others; their mean speed is 1."""
    fast_every_second = tuple(4 / 3 if node % 2 else 2 / 3 for node in range(nodes))
    mean = sum(fast_every_second) / nodes
    return Fleet(slots, tuple(speed / mean for speed in fast_every_second), (1,) * nodes, 1)


def partial(nodes: int, slots: int, random: Random) -> Fleet:
    """Draw nodes that serve 2 to 4 of 12 pairs each.

    Pairs are dealt out evenly, else at random. A fleet counts only if every pair stands on its even share
    of the nodes (3 of 12 pairs on a node), and no set of pairs is asked for more than its share of the
    slots: one that nobody could serve in time says nothing about a dispatcher. Raises `NoSuchFleet`.
    """
    for _ in range(_DRAWS):
        fleet = Fleet(slots, (1.0,) * nodes, _deal(nodes, random), PAIRS)
        if min(map(len, fleet.servers)) >= nodes * (FEWEST + MOST) // (2 * PAIRS) and is_balanced(fleet):
            return fleet
    raise NoSuchFleet(
        f"{nodes} nodes with {FEWEST} to {MOST} of {PAIRS} pairs each leave some pairs with too few slots: "
        f"take more nodes."
    )


def is_balanced(fleet: Fleet) -> bool:
    """Whether every set of pairs has its share of the slots (Hall's condition, as fractions)."""
    reach = [0] * (1 << fleet.pairs)
    for chosen in range(1, 1 << fleet.pairs):
        lowest = chosen & -chosen
        reach[chosen] = reach[chosen ^ lowest] | fleet.server_masks[lowest.bit_length() - 1]
        if reach[chosen].bit_count() * fleet.pairs < chosen.bit_count() * fleet.nodes:
            return False
    return True


def _deal(nodes: int, random: Random) -> tuple[int, ...]:
    given = [0] * PAIRS
    masks = []
    for _ in range(nodes):
        wanted = random.randint(FEWEST, MOST)
        rarest: Sequence[int] = sorted(range(PAIRS), key=lambda pair: (given[pair], random.random()))[:wanted]
        for pair in rarest:
            given[pair] += 1
        masks.append(sum(1 << pair for pair in rarest))
    return tuple(masks)
