"""The cell's totals: counters that the scripts move, so that reading them costs the same for any fleet."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from scheduling.ledger.cell import Cell, text

STATUSES = ("registering", "ready", "degraded", "draining")
#: Jobs since the cell was opened, by what became of them.
JOBS = ("reserved", "waited", "retried", "done", "failed", "cancelled", "refused", "dead")

_LOST = "n_instances_lost"
_OVERLOADED = "n_overloaded"
_PLAIN = ("waiting", "slots", "slots_used", "pools_version")
_FIELDS = (
    *_PLAIN,
    _LOST,
    _OVERLOADED,
    *(f"nodes:{name}" for name in STATUSES),
    *(f"n_{name}" for name in JOBS),
)
#: Classes of durations grow by this (``lua/include/finish.lua``).
_RATIO = 1.15


@dataclass(frozen=True, slots=True)
class Totals:
    """The counters at one moment."""

    now_ms: int = 0
    waiting: int = 0
    slots: int = 0
    slots_used: int = 0
    pools_version: int = 0
    rooms: int = 0
    pools: int = 0
    instances_lost: int = 0
    """Web processes declared dead."""
    overloaded: int = 0
    """Utterances refused since the cell was opened that more slots would have served."""
    dead: int = 0
    """Dead letters now."""
    by_status: Mapping[str, int] = field(default_factory=dict)
    """Connected nodes."""
    jobs: Mapping[str, int] = field(default_factory=dict)
    latency: Mapping[int, int] = field(default_factory=dict)
    """Jobs done, by class of duration."""

    @property
    def online(self) -> int:
        """Connected nodes."""
        return sum(self.by_status.values())


def read_totals(cell: Cell) -> Totals:
    """Read all counters in one round trip. Raises `StoreError`."""
    keys = cell.keys
    # By this machine's clock, which may be off by what does not matter in a day.
    oldest_dead = time.time_ns() // 1_000_000 - cell.settings.dead_ms
    moment, values, latency, rooms, pools, dead = cell.store.commands(
        [
            ("TIME",),
            ("HMGET", keys.cell, *_FIELDS),
            ("HGETALL", keys.latency),
            ("ZCARD", keys.rooms),
            ("HLEN", keys.pools),
            ("ZCOUNT", keys.dead, f"({oldest_dead}", "+inf"),
        ]
    )
    numbers = dict(zip(_FIELDS, (int(value or 0) for value in values), strict=True))
    return Totals(
        now_ms=int(moment[0]) * 1000 + int(moment[1]) // 1000,
        **{name: numbers[name] for name in _PLAIN},
        rooms=rooms,
        pools=pools,
        instances_lost=numbers[_LOST],
        overloaded=numbers[_OVERLOADED],
        dead=dead,
        by_status={name: numbers[f"nodes:{name}"] for name in STATUSES},
        jobs={name: numbers[f"n_{name}"] for name in JOBS},
        latency={
            int(text(name)): int(count) for name, count in zip(latency[::2], latency[1::2], strict=True)
        },
    )


def quantile_ms(latency: Mapping[int, int], share: float) -> float | None:
    """Give the duration (ms) that this share of the jobs did not exceed, exact to 15 %; None for no job."""
    wanted, seen = share * sum(latency.values()), 0
    for index in sorted(latency):
        seen += latency[index]
        if latency[index] and seen >= wanted:
            return float(round(_RATIO**index, 1))
    return None
