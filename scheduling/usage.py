"""Usage per day, of tenants and nodes: what was said, how much of it was translated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from scheduling.ledger.cell import Cell, text
from scheduling.store.base import Part

By = Literal["tenant", "node"]
#: What stands for all whose names were too many to be told apart in a day.
OTHERS = "~"
#: Names told apart in a day; clients and nodes may call themselves anything.
MOST_NAMES = 2000
#: Names added by one script, some 4 µs each.
AT_ONCE = 100
#: A day's usage is kept longer by this, ms: a day is over everywhere before its end counts.
_DAY_MS = 86_400_000


@dataclass(slots=True)
class Amount:
    """Of a tenant: accepted jobs and their audio; of a node: attempts it was sent, audio of its results."""

    audio_ms: int = 0
    utterances: int = 0
    results: int = 0

    def add(self, other: "Amount") -> None:
        """Add another one to it."""
        self.audio_ms += other.audio_ms
        self.utterances += other.utterances
        self.results += other.results


@dataclass(frozen=True, slots=True)
class Batch:
    """What one process has counted of one day, under a number that makes it count once."""

    number: int
    day: date
    counts: Sequence[tuple[By, str, Amount]]


@dataclass(frozen=True, slots=True)
class DayUsage:
    """Of one tenant or node on one day (UTC)."""

    day: date
    name: str
    amount: Amount


def today() -> date:
    """Give the day by this machine's clock, UTC."""
    return datetime.now(UTC).date()


def add_usage(cell: Cell, instance: str, batch: Batch) -> None:
    """Add a batch; doing it again changes nothing. Raises `StoreError`."""
    keys = cell.keys
    args: list[Part] = [batch.number, (cell.settings.usage_days + 1) * _DAY_MS, MOST_NAMES]
    for by, name, amount in batch.counts:
        args += (by[0], name, amount.audio_ms, amount.utterances, amount.results)
    days = [keys.usage(by, batch.day.isoformat()) for by in ("tenant", "node")]
    cell.call("add_usage", [*days, keys.usage_seen(instance)], args)


def read_usage(cell: Cell, by: By, first: date, last: date) -> list[DayUsage]:
    """Give the usage of these days, the last included, by day and name. Raises `StoreError`."""
    return [row for day in _days(first, last) for row in _read_day(cell, by, day)]


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=after) for after in range((last - first).days + 1))


def _read_day(cell: Cell, by: By, day: date) -> list[DayUsage]:
    found = cell.store.command("HGETALL", cell.keys.usage(by, day.isoformat()))
    amounts: dict[str, Amount] = {}
    for field, value in zip(found[::2], found[1::2], strict=True):
        letter, _, name = text(field).partition(" ")
        amount = amounts.setdefault(name, Amount())
        amount.add(
            {"a": Amount(audio_ms=int(value)), "u": Amount(utterances=int(value))}.get(
                letter, Amount(results=int(value))
            )
        )
    return [DayUsage(day, name, amounts[name]) for name in sorted(amounts)]
