"""Which node a job would go to now: the order of ``lua/include/choose.lua``, read only."""

from collections.abc import Mapping, Sequence

from scheduling.explain.reading import number
from scheduling.ledger import Cell

#: A pool's score is the load in thousandths times this, plus the turn (``lua/include/nodes.lua``).
_TURN_SPAN = 2**40
#: Nodes that may be passed over because they lack room (``lua/include/choose.lua``).
LOOKS = 8

Heads = Sequence[tuple[float, str]]
"""Score and id of a pool's least loaded nodes, `LOOKS` at most."""


def next_node(cell: Cell, pools: Mapping[str, Heads], own: str, slots: int) -> str | None:
    """Give the least loaded node with ``slots`` free ones, first in the requirement's ``own`` pool.

    Of equals it is one of the preferred pool, the first, then the least recently used. A session's last node,
    or a warm one, may be taken instead while it is hardly busier. Raises `StoreError`.
    """
    ordered = sorted(
        ((pool != own, score // _TURN_SPAN, at > 0, score), node)
        for at, (pool, heads) in enumerate(pools.items())
        for score, node in heads
    )
    # A node may stand in several pools; in its pool's order it has one free slot at least.
    nodes = list(dict.fromkeys(node for _, node in ordered))[:LOOKS]
    if slots > 1:
        nodes = [node for node, free in zip(nodes, _free_slots(cell, nodes), strict=True) if free >= slots]
    return nodes[0] if nodes else None


def _free_slots(cell: Cell, nodes: Sequence[str]) -> list[int]:
    asked: list[tuple[str, ...]] = []
    for node in nodes:
        asked += [("HMGET", cell.keys.node(node), "max", "held"), ("ZCARD", cell.keys.leases(node))]
    replies = cell.store.commands(asked)
    return [
        number(stated[0]) - number(stated[1]) - used
        for stated, used in zip(replies[::2], replies[1::2], strict=True)
    ]
