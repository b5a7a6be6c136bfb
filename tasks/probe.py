"""Whether workers take tasks: after a loss of the broker one may be connected, and heard, and idle for ever.

A worker that has taken nothing for long is sent some wake-ups, which only say "look", and must take one.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from celery import Celery

from scheduling.ledger.cell import Cell
from scheduling.metrics import Reading
from scheduling.metrics.announced import read_announced
from scheduling.workers import queue_of, worker_names
from tasks.names import CONTROL, DRAIN, DRAIN_ALL, SETTLE
from tasks.wakeups import Wakeups

_HARMLESS = {CONTROL: SETTLE, DRAIN: DRAIN_ALL}
#: A queue serves who has waited longest, so with so many for each worker every one gets its own.
_FOR_EACH = 2
#: Workers write what they took into a key, every other second: there is nothing to be waited for.
_LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found."""

    alive: list[str]
    stuck: list[str]
    """Workers that are heard and take nothing."""
    missing: list[str]
    """Queues without a worker that was looked for."""

    @property
    def is_well(self) -> bool:
        """Whether every worker that was looked for does its work."""
        return not (self.stuck or self.missing)


def check_workers(
    cell: Cell, app: Celery, queues: Sequence[str], host: str, *, idle_s: float, within_s: float
) -> Verdict:
    """Look at the workers of a host, "" for all; those idle for ``idle_s`` must take a task ``within_s``.

    Raises `StoreError`, and whatever the broker's client raises: then nothing is known of them.
    """
    everyone = _workers(cell)
    ours = [name for name in everyone if queue_of(name) in queues and _is_on(name, host)]
    missing = [queue for queue in queues if queue not in map(queue_of, ours)]
    told = read_announced(cell, ours)
    idle = {name: _taken(told.get(name)) for name in ours if _idle_s(told.get(name)) >= idle_s}
    if idle:
        _wake(app, {queue: list(map(queue_of, everyone)).count(queue) for queue in map(queue_of, idle)})
    stuck = _still_idle(cell, idle, within_s)
    return Verdict([name for name in ours if name not in stuck], stuck, missing)


def _still_idle(cell: Cell, idle: dict[str, float], within_s: float) -> list[str]:
    """Wait until each has taken a task; give those that have not in time."""
    until_s = time.monotonic() + within_s
    left = dict(idle)
    while left and time.monotonic() < until_s:
        time.sleep(_LOOK_S)
        told = read_announced(cell, list(left))
        left = {name: before for name, before in left.items() if _taken(told.get(name)) <= before}
    return list(left)


def _wake(app: Celery, workers: dict[str, int]) -> None:
    wakeups = Wakeups(app)
    try:
        for queue, count in workers.items():
            for _ in range(_FOR_EACH * count):
                wakeups.send(_HARMLESS[queue], queue)
    finally:
        wakeups.close()


def _workers(cell: Cell) -> list[str]:
    moment = cell.store.command("TIME")
    return worker_names(cell, int(moment[0]) * 1000 + int(moment[1]) // 1000)


def _is_on(worker: str, host: str) -> bool:
    """Whether a worker, named queue@host-pid, runs on this host."""
    return not host or worker.partition("@")[2].rpartition("-")[0] == host


def _idle_s(told: Reading | None) -> float:
    return told.number("worker_idle_seconds") if told else float("inf")


def _taken(told: Reading | None) -> float:
    return told.number("tasks_taken_total") if told else 0.0
