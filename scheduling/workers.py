"""Which background workers are heard: each says so itself, as nobody else may ask them without a broker."""

from collections import Counter

from scheduling.ledger.cell import Cell, text

#: A worker not heard this long does not count, ms; it says so every 2 s.
HEARD_MS = 10_000
#: Looked at of one cell.
_MOST = 500
#: The worker's loop waits for it.
_TIMEOUT_S = 0.5


def note_worker(cell: Cell, name: str) -> None:
    """Say that the worker ``queue@host-pid`` lives. Raises `SchemaMismatch` and `StoreError`."""
    cell.call("note_worker", [cell.keys.workers], [name, HEARD_MS], timeout_s=_TIMEOUT_S)


def read_workers(cell: Cell, now_ms: int) -> dict[str, int]:
    """Give the workers heard lately, by queue. Raises `StoreError`."""
    found = cell.store.command(
        "ZRANGE", cell.keys.workers, now_ms - HEARD_MS, "+inf", "BYSCORE", "LIMIT", 0, _MOST
    )
    return dict(Counter(text(name).partition("@")[0] for name in found))
