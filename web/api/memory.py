"""What the cell takes in memory, as an HTTP answer."""

from scheduling.explain.views import View
from scheduling.memory import read_kinds, read_memory
from web.dispatcher import Dispatcher

_SAMPLED = 16


class MemoryPart(View):
    """One part: what it takes now, how far it may grow, and what happens then."""

    part: str
    count: int
    bytes: int
    estimated: bool
    """Measured on a few of its kind and multiplied."""
    bytes_at_most: int | None
    """None where the load bounds it, not a setting."""
    formula: str
    when_reached: str


class CellMemory(View):
    """The memory of a cell, by part."""

    parts: list[MemoryPart]
    bodies: dict[str, int]
    """Bytes of audio and of speech, which share BODY_BUDGET."""
    used_bytes: int | None
    """Of the ledger's server, with all that it holds; None where it does not tell."""
    maxmemory_bytes: int | None
    """Its limit, 0 for none."""
    warnings: list[str]
    """Settings of the servers that may lose data, as found when this process started."""


def read_cell_memory(dispatcher: Dispatcher) -> CellMemory:
    """Measure it. Raises `StoreError`."""
    cell, bodies = dispatcher.ledger.cell, dispatcher.body_store
    memory = read_memory(cell, bodies, list(dispatcher.peers.sessions)[:_SAMPLED])
    return CellMemory(
        parts=[
            MemoryPart(
                part=one.bound.part,
                count=one.count,
                bytes=one.bytes_now,
                estimated=one.estimated,
                bytes_at_most=one.bound.bytes_at_most,
                formula=one.bound.formula,
                when_reached=one.bound.when_reached,
            )
            for one in memory.parts
        ],
        bodies=dict(read_kinds(bodies, cell.keys.cell)),
        used_bytes=memory.ledger_used,
        maxmemory_bytes=memory.ledger_max,
        warnings=dispatcher.warnings,
    )
