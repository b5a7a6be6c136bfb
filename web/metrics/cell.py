"""What the whole cell counts, read when it is asked for: a handful of round trips for any fleet."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from scheduling.backlog import oldest_waiting_ms
from scheduling.errors import StoreError
from scheduling.instances import Instance, read_instances
from scheduling.ledger import Cell
from scheduling.memory import read_kinds, read_server
from scheduling.metrics import Reading
from scheduling.metrics.announced import read_announced
from scheduling.store.base import Store
from scheduling.totals import Totals, read_totals
from scheduling.workers import queue_of, read_beats, worker_names


@dataclass(frozen=True, slots=True)
class CellCounts:
    """The cell at one moment, with what each of its processes told last."""

    totals: Totals
    instances: list[tuple[Instance, int]]
    """Web processes, and for how long each was not heard, ms."""
    workers: list[str]
    told: Mapping[str, Reading]
    """By web process or worker."""
    oldest_waiting_ms: int


def read_cell(cell: Cell) -> CellCounts:
    """Read it. Raises `StoreError`."""
    totals = read_totals(cell)
    heard = read_instances(cell)
    workers = worker_names(cell, totals.now_ms)
    return CellCounts(
        totals=totals,
        instances=[(one, max(0, totals.now_ms - heard_ms)) for one, heard_ms in heard],
        workers=workers,
        told=read_announced(cell, [*(one.instance_id for one, _ in heard), *workers]),
        oldest_waiting_ms=oldest_waiting_ms(cell, totals.now_ms) if totals.waiting else 0,
    )


def note_cell(reading: Reading, cell: Cell, bodies: Store, found: CellCounts) -> None:
    """Note everything that is the same whoever answers. Raises `StoreError`."""
    totals, keys, settings = found.totals, cell.keys, cell.settings
    reading.set_all("nodes", totals.by_status)
    reading.set("slots", totals.slots)
    reading.set("leases", totals.slots_used)
    reading.set("waiting_jobs", totals.waiting)
    reading.set("oldest_waiting_seconds", found.oldest_waiting_ms / 1000)
    reading.set("dead_letters", totals.dead)
    reading.set("rooms", totals.rooms)
    reading.set("pools", totals.pools)
    reading.set("instances_lost_total", totals.instances_lost)
    reading.set_all("jobs_total", totals.jobs)
    reading.job_classes("job_seconds", totals.latency)
    reading.set_all("workers", {"control": 0, "drain": 0} | Counter(map(queue_of, found.workers)))
    reading.set("beats", len(read_beats(cell, totals.now_ms)))
    _note_instances(reading, cell, found)
    streams = {"nodes": [keys.dirty], "results": [keys.results(shard) for shard in range(settings.shards)]}
    for name, stream_keys in streams.items():
        lengths = cell.store.commands([("XLEN", key) for key in stream_keys])
        reading.set("outbox_entries", sum(lengths), name)
    # They may have a server of their own: while that is away, all else is told.
    with suppress(StoreError):
        reading.set_all("body_bytes", read_kinds(bodies, keys.cell))
    reading.set("body_budget_bytes", settings.body_budget)
    used, limit = read_server(cell.store)
    reading.set("redis_memory_bytes", used or 0)
    reading.set("redis_memory_limit_bytes", limit or 0)


def _note_instances(reading: Reading, cell: Cell, found: CellCounts) -> None:
    states: Counter[str] = Counter(living=0, silent=0, leaving=0)
    inboxes = cell.store.commands([("XLEN", cell.keys.inbox(one.instance_id)) for one, _ in found.instances])
    for (one, silent_ms), entries in zip(found.instances, inboxes, strict=True):
        silent = silent_ms >= cell.settings.presence_ms
        states["silent" if silent else "leaving" if one.leaving else "living"] += 1
        reading.set("instance_silent_seconds", silent_ms / 1000, one.instance_id)
        reading.set("inbox_entries", entries, one.instance_id)
    reading.set_all("instances", states)
