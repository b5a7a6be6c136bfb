"""Which background workers, and beats, are heard: each says so itself, as nobody may ask without a broker."""

from collections import Counter

from scheduling.ledger.cell import Cell, text

#: What stands before the ``@`` in the name of a beat, which works on no queue.
BEAT = "beat"
#: A worker not heard this long does not count, ms; it says so every 2 s.
HEARD_MS = 10_000
#: Looked at of one cell.
_MOST = 500
#: The worker's loop waits for it.
TIMEOUT_S = 0.5


def note_worker(cell: Cell, name: str) -> None:
    """Say that the worker ``queue@host-pid``, or a beat, lives. Raises `SchemaMismatch` and `StoreError`."""
    cell.call("note_worker", [cell.keys.workers], [name, HEARD_MS], timeout_s=TIMEOUT_S)


def read_workers(cell: Cell, now_ms: int) -> dict[str, int]:
    """Give the number of workers heard lately, by queue; beats are none. Raises `StoreError`."""
    return dict(Counter(map(queue_of, worker_names(cell, now_ms))))


def worker_names(cell: Cell, now_ms: int) -> list[str]:
    """Give the workers heard lately, without beats. Raises `StoreError`."""
    return [name for name in _heard(cell, now_ms) if queue_of(name) != BEAT]


def read_beats(cell: Cell, now_ms: int) -> dict[str, int]:
    """Give the beats heard lately and how long ago that was (ms). Raises `StoreError`."""
    heard = _heard(cell, now_ms)
    return {name: max(0, now_ms - at_ms) for name, at_ms in heard.items() if queue_of(name) == BEAT}


def queue_of(worker: str) -> str:
    """Give the queue that a worker works on."""
    return worker.partition("@")[0]


def _heard(cell: Cell, now_ms: int) -> dict[str, int]:
    """Give names and when each was heard last (ms)."""
    found = cell.store.command(
        "ZRANGE", cell.keys.workers, now_ms - HEARD_MS, "+inf", "BYSCORE", "LIMIT", 0, _MOST, "WITHSCORES"
    )
    return {text(name): int(float(at_ms)) for name, at_ms in zip(found[::2], found[1::2], strict=True)}
