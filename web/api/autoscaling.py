"""How many slots and processes would serve the present load, as an HTTP answer and as metrics."""

from collections import defaultdict

from scheduling.autoscaling import Load, WorkerLoad, service_s, wanted_slots, wanted_web, wanted_workers
from scheduling.explain.views import View
from scheduling.workers import queue_of
from tasks.names import CONTROL, DRAIN
from web.dispatcher import Dispatcher
from web.metrics.cell import CellCounts, read_cell


class Wanted(View):
    """What there is and what there should be, of one kind."""

    now: int
    wanted: int


class Autoscaling(View):
    """What an autoscaler asks for. Nothing is smoothed; rates are of the last 10 s."""

    now_ms: int
    slots: Wanted
    """Of the nodes that are connected; those at work and those waited for, at 75 % use."""
    web_processes: Wanted
    """At 60 % of a core, or of ``MAX_CONNECTIONS``, each."""
    workers: dict[str, Wanted]
    """Processes by queue: control, drain."""
    leases: int
    backlog: int
    """Jobs that wait for a slot."""
    oldest_waiting_ms: int
    outbox_age_ms: int
    """For how long the oldest result has waited for a worker."""
    overloaded_per_s: float
    """Utterances refused for want of a slot."""
    service_ms: int
    """How long a job holds its slot, in the mean."""


def read_autoscaling(dispatcher: Dispatcher, found: CellCounts | None = None) -> Autoscaling:
    """Work it out, from what was read already or anew. Raises `StoreError`."""
    found = found or read_cell(dispatcher.ledger.cell)
    load = _load(dispatcher, found)
    living = [one for one, silent_ms in found.instances if silent_ms < dispatcher.settings.presence_ms]
    return Autoscaling(
        now_ms=found.totals.now_ms,
        slots=Wanted(now=found.totals.slots, wanted=wanted_slots(load)),
        web_processes=Wanted(now=len(living), wanted=wanted_web(load)),
        workers={
            queue: Wanted(
                now=load.workers[queue].processes if queue in load.workers else 0,
                wanted=wanted_workers(load, queue),
            )
            for queue in (CONTROL, DRAIN)
        },
        leases=load.leases,
        backlog=load.waiting,
        oldest_waiting_ms=found.oldest_waiting_ms,
        outbox_age_ms=round(load.outbox_age_s * 1000),
        overloaded_per_s=round(load.overloaded_per_s, 3),
        service_ms=round(service_s(load) * 1000),
    )


def _load(dispatcher: Dispatcher, found: CellCounts) -> Load:
    first, last, span_s = dispatcher.presence.window()
    living = [one for one, silent_ms in found.instances if silent_ms < dispatcher.settings.presence_ms]
    span_s = span_s or 1.0
    # A cell that was flushed meanwhile counts from 0 again.
    done = max(0, last.jobs.get("done", 0) - first.jobs.get("done", 0))
    overloaded = max(0, last.overloaded - first.overloaded)
    return Load(
        leases=found.totals.slots_used,
        waiting=found.totals.waiting,
        done_per_s=done / span_s,
        overloaded_per_s=overloaded / span_s,
        web_busy=[one.busy for one in living],
        sockets=sum(one.nodes + one.sessions for one in living),
        sockets_per_process=dispatcher.settings.max_connections,
        outbox_age_s=dispatcher.sweeper.outbox_age_ms / 1000,
        workers=_workers(found),
    )


def _workers(found: CellCounts) -> dict[str, WorkerLoad]:
    sums: defaultdict[str, WorkerLoad] = defaultdict(WorkerLoad)
    for name in found.workers:
        told = found.told.get(name)
        before = sums[queue_of(name)]
        sums[queue_of(name)] = WorkerLoad(
            before.processes + 1,
            before.at_once + round(told.number("tasks_at_once") or 1 if told else 1),
            before.busy + (told.number("worker_busy_ratio") if told else 0.0),
        )
    return dict(sums)
