"""Our own dispatcher in a simulation: the product's scripts on a real server, its clock in our hands."""

from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush

from scheduling.catalog import Catalog
from scheduling.ledger import Ledger, Reservation
from scheduling.settings import Settings
from scheduling.simulation import cell
from scheduling.simulation.books import Books, Findings
from scheduling.simulation.fleet import Fleet
from scheduling.simulation.lockstep import LockstepStore, run_together
from scheduling.simulation.trace import Trace
from scheduling.store.plain import PlainStore

#: No worker empties the outbox here; it is cut after so many results.
_TRIM_EVERY = 500


@dataclass(frozen=True, slots=True)
class Run:
    """A trace, the fleet that is to serve it, and the name of the cell for it."""

    cell: str
    fleet: Fleet
    trace: Trace


def run_product(url: str, runs: list[Run], service_ms: float) -> list[Findings]:
    """Send traces through the product's scripts, all in lockstep; ``service_ms`` is one mean service.

    Raises `StoreError`, `LedgerError` and `NodeNotReady`. The cells are deleted, whatever happens.
    """
    with PlainStore(url) as store:
        settings = [cell.cell_settings(url, run.cell) for run in runs]
        try:
            catalogs = [cell.bring_up(store, own, run.fleet) for own, run in zip(settings, runs, strict=True)]
            simulations = [
                partial(_simulate, run, own, catalog, service_ms)
                for run, own, catalog in zip(runs, settings, catalogs, strict=True)
            ]
            found = run_together(url, simulations)
            for findings, own, run in zip(found, settings, runs, strict=True):
                findings.leaked = cell.count_leases(store, own, run.fleet)
        finally:
            for own in settings:
                cell.forget(store, own)
    return found


def _simulate(run: Run, settings: Settings, catalog: Catalog, service_ms: float) -> Findings:
    with LockstepStore(settings.redis_url) as store:
        return _Simulation(store, settings, catalog, run, service_ms).run()


@dataclass(slots=True)
class _Simulation:
    """The events of one trace, in order: each arrival a `reserve`, each end a `complete`."""

    store: LockstepStore
    settings: Settings
    catalog: Catalog
    trace_on: Run
    service_ms: float
    _ledger: Ledger = field(init=False)
    _books: Books = field(init=False)
    _ends: list[tuple[float, int, int, int]] = field(init=False, default_factory=list)
    """Of each running job: when it ends, its number, node and attempt."""
    _clock: int = field(init=False, default=0)
    _ended: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Take the ledger and empty books."""
        self._ledger = Ledger(self.store, self.settings)
        self._books = Books(self.trace_on.fleet, self.trace_on.trace)
        self.store.listen(self._ledger.keys.inbox(cell.INSTANCE))

    def run(self) -> Findings:
        """Go through the trace until every job has ended."""
        for job, now in enumerate(self.trace_on.trace.arrivals):
            while self._ends and self._ends[0][0] <= now:
                self._next_end()
            self._arrival(job, now)
        while self._ends:
            self._next_end()
        return self._books.findings

    def _arrival(self, job: int, now: float) -> None:
        self._set_clock(now)
        placed = self._ledger.jobs.reserve(self._reservation(job))
        if placed.sends(cell.INSTANCE):
            self._start(job, placed.node_id, placed.attempt, now)
        else:
            self._books.waits(job)
        self._read_inbox(now)
        self._books.close_event()

    def _next_end(self) -> None:
        now, job, node, attempt = heappop(self._ends)
        self._books.ends(node)
        self._set_clock(now)
        done = self._ledger.jobs.complete(str(job), str(node), attempt, "ok", instance=cell.INSTANCE)
        for handed in done.handed:
            self._start(int(handed.job_id), str(node), handed.attempt, now)
        self._read_inbox(now)
        self._books.close_event()
        self._forget(job)

    def _start(self, job: int, node_id: str, attempt: int, now: float) -> None:
        node = int(node_id)
        self._books.starts(job, node, now)
        took = self.trace_on.trace.sizes[job] / self.trace_on.fleet.speeds[node]
        heappush(self._ends, (now + took, job, node, attempt))

    def _read_inbox(self, now: float) -> None:
        for hint in self.store.heard():
            if hint[b"kind"] == b"dispatch":
                self._start(int(hint[b"job"]), hint[b"node"].decode(), int(hint[b"attempt"]), now)

    def _set_clock(self, now: float) -> None:
        clock = cell.START_MS + round(now * self.service_ms)
        if clock != self._clock:
            self._clock = clock
            self.store.before("HSET", self._ledger.keys.cell, "clock", clock)

    def _forget(self, job: int) -> None:
        """Drop what a worker would, so that the server's memory stays as it is."""
        keys = self._ledger.keys
        self.store.before("UNLINK", keys.job(str(job)), keys.request(str(job)))
        self._ended += 1
        if self._ended % _TRIM_EVERY == 0:
            self.store.before("UNLINK", keys.results(0))

    def _reservation(self, job: int) -> Reservation:
        requirement = cell.REQUIREMENTS[self.trace_on.trace.pairs[job]]
        pools = self.catalog.pools_for(requirement)
        return Reservation(
            job_id=str(job), request_id=str(job), session_id=str(job % cell.SESSIONS),
            instance=cell.INSTANCE, src_lang=requirement.src, tgt_lang=requirement.tgt,
            requirement=requirement, pools=pools, pools_version=self.catalog.version, spec="{}", audio="",
            next_index=job, preferred_pool=pools[0],
            tenant=str(self.trace_on.trace.tenants[job]),
        )  # fmt: skip
