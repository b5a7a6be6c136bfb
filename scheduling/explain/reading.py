"""Reading replies of the store for an explanation."""

from collections.abc import Sequence
from typing import Any

from scheduling.ledger import Cell
from scheduling.ledger.cell import text

#: Node ids shown per reason.
SAMPLE = 5


def kind_of(pool: str) -> str:
    """Say what a pool is, by its id."""
    kinds = {"cfg": "configured", "req": "requirement", "node": "node"}
    return kinds.get(pool.partition("-")[0], "class")


def texts(values: Sequence[bytes] | None) -> list[str]:
    """Decode a list of words, in order."""
    return sorted(text(value) for value in values or ())


def number(value: bytes | int | str | None, default: int = 0) -> int:
    """Read a number of a record; absent or empty is the default."""
    return int(float(value)) if value not in (None, "", b"") else default


def record(fields: Sequence[str], values: Sequence[bytes | None]) -> dict[str, str]:
    """Name the values of an HMGET; absent ones are empty."""
    return {name: text(value) for name, value in zip(fields, values, strict=True)}


def read_cell(cell: Cell) -> tuple[int, dict[str, str]]:
    """Give the time (ms) and the counters of the queue."""
    fields = ("clock", "waiting", "gap_ms", "max_waiting")
    time, values = cell.store.commands([("TIME",), ("HMGET", cell.keys.cell, *fields)])
    counters = record(fields, values)
    now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
    return number(counters["clock"], now_ms), counters


def estimate_ms(position: int, waiting: int, counters: dict[str, Any]) -> int | None:
    """Estimate the wait of the job at a position (from 0) of a requirement for which ``waiting`` wait.

    The cell's pace is shared by all requirements that wait. None while no pace has been seen.
    """
    gap_ms = number(counters["gap_ms"], -1)
    if gap_ms < 0:
        return None
    share = max(1.0, number(counters["waiting"]) / waiting) if waiting else 1.0
    return round((position + 1) * gap_ms * share)
