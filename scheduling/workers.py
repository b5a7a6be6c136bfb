"""Which background workers are heard: each says so itself, as nobody else may ask them without a broker."""

from collections import Counter

from scheduling.ledger.cell import Cell, text

#: A worker not heard this long does not count, ms; it says so every 2 s.
HEARD_MS = 10_000
#: Looked at of one cell.
_MOST = 500
#: The worker's loop waits for it.
TIMEOUT_S = 0.5


def note_worker(cell: Cell, name: str) -> None:
    """Say that the worker ``queue@host-pid`` lives. Raises `SchemaMismatch` and `StoreError`."""
    cell.call("note_worker", [cell.keys.workers], [name, HEARD_MS], timeout_s=TIMEOUT_S)


def read_workers(cell: Cell, now_ms: int) -> dict[str, int]:
    """Give the number of workers heard lately, by queue. Raises `StoreError`."""
    return dict(Counter(map(queue_of, worker_names(cell, now_ms))))


def worker_names(cell: Cell, now_ms: int) -> list[str]:
    """Give the workers heard lately. Raises `StoreError`."""
    found = cell.store.command(
        "ZRANGE", cell.keys.workers, now_ms - HEARD_MS, "+inf", "BYSCORE", "LIMIT", 0, _MOST
    )
    return [text(name) for name in found]


def queue_of(worker: str) -> str:
    """Give the queue that a worker works on."""
    return worker.partition("@")[0]
