"""How many slots and processes would serve the present load; what a platform's autoscaler asks for.

Slots by Little's law: those at work, those that wait, and those that were refused for want of a slot would
all hold one. Processes by the share of a core that they use, and by their sockets. Nothing here smooths: an
autoscaler has its own windows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final

#: Share of the slots that should be at work: above it waits grow fast (docs/placement.md).
SLOT_SHARE: Final = 0.75
#: Share of its core that a web process should use, and of its sockets.
WEB_SHARE: Final = 0.6
#: Share of its tasks at once that a worker should work on.
WORKER_SHARE: Final = 0.7
#: Results that wait longer than this, s, want one worker more.
LATE_S: Final = 1.0
#: How long a job takes while none has ended, s.
_UNKNOWN_S: Final = 2.0
_LONGEST_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """The workers of one queue."""

    processes: int = 0
    at_once: int = 0
    """Tasks that all of them may work on at once."""
    busy: float = 0.0
    """Tasks at work, mean of the last seconds."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is known of the cell; rates per second over the last 10 s."""

    leases: int = 0
    waiting: int = 0
    done_per_s: float = 0.0
    overloaded_per_s: float = 0.0
    """Refused for want of a slot."""
    web_busy: Sequence[float] = ()
    """Share of a core of each web process."""
    sockets: int = 0
    sockets_per_process: int = 1
    outbox_age_s: float = 0.0
    workers: Mapping[str, WorkerLoad] = field(default_factory=dict)


def service_s(load: Load) -> float:
    """Give how long a job holds its slot, s, in the mean."""
    if load.done_per_s <= 0 or load.leases == 0:
        return _UNKNOWN_S
    return min(load.leases / load.done_per_s, _LONGEST_S)


def wanted_slots(load: Load) -> int:
    """Give the slots that would serve everybody who asks; 0 where nobody does."""
    held = load.leases + load.waiting + load.overloaded_per_s * service_s(load)
    return ceil(held / SLOT_SHARE)


def wanted_web(load: Load) -> int:
    """Give the web processes, one at least."""
    by_sockets = load.sockets / max(1, load.sockets_per_process) / WEB_SHARE
    return max(1, ceil(max(sum(load.web_busy) / WEB_SHARE, by_sockets)))


def wanted_workers(load: Load, queue: str) -> int:
    """Give the worker processes of a queue, one at least; one more where results wait for long."""
    now = load.workers.get(queue, WorkerLoad())
    each = now.at_once / now.processes if now.processes else 1.0
    wanted = ceil(now.busy / WORKER_SHARE / max(1.0, each))
    late = queue == "drain" and load.outbox_age_s > LATE_S
    return max(1, wanted, now.processes + 1 if late else 0)
