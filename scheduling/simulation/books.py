"""Books kept beside the ledger, which know nothing of it: what started when and where, and was it right."""

from dataclasses import dataclass, field

from scheduling.simulation.fleet import Fleet
from scheduling.simulation.policies import Waits
from scheduling.simulation.trace import Trace


@dataclass(slots=True)
class Findings:
    """What came of one trace; every count but `waits` should be 0."""

    waits: Waits
    """Of each job, mean services; negative if it never started."""
    over_commit: int = 0
    """Starts on a node whose slots were all taken."""
    misplaced: int = 0
    """Starts on a node that does not serve the pair."""
    idle_while_waiting: int = 0
    """Events after which a job waited though a slot that could serve it was free."""
    out_of_turn: int = 0
    """Starts before an older job of the same pair and tenant that waited as well."""
    lost: int = 0
    """Jobs that never started."""
    leaked: int = 0
    """Leases left when every job had ended."""

    @property
    def faults(self) -> dict[str, int]:
        """The counts by name."""
        names = ("over_commit", "misplaced", "idle_while_waiting", "out_of_turn", "lost", "leaked")
        return {name: getattr(self, name) for name in names}


@dataclass(slots=True)
class Books:
    """The books of one trace on one fleet."""

    fleet: Fleet
    trace: Trace
    findings: Findings = field(init=False)
    _running: list[int] = field(init=False)
    _free: int = field(init=False)
    """Nodes with a free slot, as bits."""
    _waiting: dict[tuple[int, int], dict[int, None]] = field(init=False, default_factory=dict)
    """By pair and tenant, in order of arrival; no empty ones."""

    def __post_init__(self) -> None:
        """Begin with every slot free."""
        self.findings = Findings([-1.0] * len(self.trace), lost=len(self.trace))
        self._running = [0] * self.fleet.nodes
        self._free = (1 << self.fleet.nodes) - 1

    def waits(self, job: int) -> None:
        """Note that a job came and found no slot."""
        self._waiting.setdefault(self._queue_of(job), {})[job] = None

    def starts(self, job: int, node: int, now: float) -> None:
        """Note that a job begins on a node."""
        findings = self.findings
        findings.waits[job] = now - self.trace.arrivals[job]
        findings.lost -= 1
        findings.over_commit += self._running[node] >= self.fleet.slots
        findings.misplaced += not self.fleet.masks[node] >> self.trace.pairs[job] & 1
        queue = self._waiting.get(self._queue_of(job))
        if queue and job in queue:
            findings.out_of_turn += next(iter(queue)) != job
            del queue[job]
            if not queue:
                del self._waiting[self._queue_of(job)]
        self._running[node] += 1
        if self._running[node] >= self.fleet.slots:
            self._free &= ~(1 << node)

    def ends(self, node: int) -> None:
        """Note that a job on a node has ended."""
        self._running[node] -= 1
        if self._running[node] < self.fleet.slots:
            self._free |= 1 << node

    def close_event(self) -> None:
        """Look whether an event left a slot idle that a waiting job could have."""
        if self._free and self._waiting:
            masks = self.fleet.server_masks
            self.findings.idle_while_waiting += any(self._free & masks[pair] for pair, _ in self._waiting)

    def _queue_of(self, job: int) -> tuple[int, int]:
        return self.trace.pairs[job], self.trace.tenants[job]
