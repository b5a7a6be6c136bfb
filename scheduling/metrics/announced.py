"""How processes tell each other what they count: each keeps its own in the ledger, who is asked reads all.

So any web process behind a port answers for all of them, and workers need no port of their own.
"""

import logging
from collections.abc import Sequence

from scheduling.keys import Keys
from scheduling.ledger.cell import Cell
from scheduling.metrics.reading import Reading
from scheduling.store.base import Parts

_log = logging.getLogger(__name__)

#: Of a process that is heard no more it is kept so long, ms; `end_instance` forgets it sooner.
KEPT_MS = 60_000


def announcement(keys: Keys, process: str, reading: Reading) -> list[Parts]:
    """Give the command that tells the others; it costs no round trip of its own."""
    return [("SET", keys.metrics(process), reading.dump(), "PX", KEPT_MS)]


def read_announced(cell: Cell, processes: Sequence[str]) -> dict[str, Reading]:
    """Give what these processes told last; those that told nothing are left out. Raises `StoreError`."""
    if not processes:
        return {}
    told = cell.store.command("MGET", *map(cell.keys.metrics, processes))
    found: dict[str, Reading] = {}
    for process, data in zip(processes, told, strict=True):
        if data:
            try:
                found[process] = Reading.load(data)
            except (ValueError, TypeError, AttributeError):
                _log.warning("what process %s counts cannot be read: it is of another version", process)
    return found
