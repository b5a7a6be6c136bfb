"""Server time of one `reserve` in fleets of different size and state, by Valkey's own statistics.

Each fleet is a cell of its own. Blocks of reservations are timed by turns, so that a machine that slows down
does so for all; between the timed blocks their jobs are taken away again, so each block meets the same fleet.
"""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from uuid import uuid4

from scheduling.capability import CapabilityClass
from scheduling.ledger import Beat, Ledger, NodeRegistration, Reservation
from scheduling.pooling import drain_pools
from scheduling.requirement import Requirement
from scheduling.scripts import load
from scheduling.settings import Settings
from scheduling.store.base import Store

BLOCK = 500
_BUILDERS = 8
_SERVICES = frozenset({"asr", "nmt", "tts"})
_REQUIREMENT = Requirement("en", "pt", _SERVICES)
#: Nothing may become due while it is measured.
_NEVER_MS = 10**9


@dataclass
class Fleet:
    """One cell and what was measured in it."""

    name: str
    nodes: int
    slots: int = 64
    classes: int = 1
    full: int = 0
    """Nodes of one slot that is taken."""
    waiting: int = 0
    """Jobs that wait; all nodes are full then."""
    block_us: list[float] = field(default_factory=list)
    """Mean server time of each block, µs."""

    @property
    def reserve_us(self) -> float:
        """Median over the blocks, µs."""
        return round(median(self.block_us), 2)


class ReserveCost:
    """Builds fleets on one server and times reservations in them."""

    def __init__(self, store: Store, url: str) -> None:
        self._store = store
        self._url = url
        self._ledgers: dict[str, Ledger] = {}
        self._pools: dict[str, Sequence[str]] = {}
        self._turn = 0

    def build(self, fleet: Fleet) -> None:
        """Bring all nodes of a fleet to their first work and let its jobs wait."""
        settings = Settings(
            redis_url=self._url, cell=fleet.name, silence_ms=_NEVER_MS, dispatch_ms=_NEVER_MS,
            attempt_ms=_NEVER_MS, wait_ms=_NEVER_MS, utterance_ms=_NEVER_MS, max_waiting=_NEVER_MS,
            max_classes=10**6, tenant_waiting_percent=100,
            admit_wait_ms=_NEVER_MS, standing_wait_ms=_NEVER_MS,
        )  # fmt: skip
        ledger = self._ledgers[fleet.name] = Ledger(self._store, settings)
        ledger.cell.open()
        ledger.sessions.open("bench", "here", "socket", "{}")
        classes = [_capability(number) for number in range(fleet.classes)]
        self._pools[fleet.name] = [capability.class_id for capability in classes[:32]]
        for capability in classes:  # the first node of a class makes its pool
            ledger.nodes.register(_node(f"maker-{capability.class_id}", capability, 1))
        while drain_pools(ledger).more:
            pass
        for capability in classes:
            ledger.nodes.offline(f"maker-{capability.class_id}", "socket", "made", 0)
        sizes = [1] * fleet.full + [fleet.slots] * (fleet.nodes - fleet.full)
        nodes = [(f"n{number}", classes[number % fleet.classes], size) for number, size in enumerate(sizes)]
        self._connect(ledger, nodes[: fleet.full])
        self._reserve(fleet, fleet.full)
        if fleet.waiting:
            self._reserve(fleet, fleet.waiting)
        self._connect(ledger, nodes[fleet.full :])
        drain_pools(ledger)
        self._forget(fleet, self._reserve(fleet, 1))  # its requirement is new: a worker links it
        while drain_pools(ledger).more:
            pass

    def measure(self, fleet: Fleet) -> None:
        """Time one block of reservations, then take their jobs away."""
        self._store.command("CONFIG", "RESETSTAT")
        jobs = self._reserve(fleet, BLOCK)
        stats = self._store.command("INFO", "commandstats").decode().splitlines()
        line = next(line for line in stats if line.startswith("cmdstat_evalsha:"))
        found = dict(part.split("=") for part in line.partition(":")[2].split(","))
        assert int(found["calls"]) == BLOCK
        fleet.block_us.append(float(found["usec"]) / BLOCK)
        self._forget(fleet, jobs)

    def _reserve(self, fleet: Fleet, number: int) -> list[str]:
        ledger, pools = self._ledgers[fleet.name], self._pools[fleet.name]
        jobs = [uuid4().hex for _ in range(number)]
        if number <= BLOCK:
            for job in jobs:
                ledger.jobs.reserve(self._ask(job, pools))
        else:
            with ThreadPoolExecutor(_BUILDERS) as builders:
                deque(builders.map(lambda job: ledger.jobs.reserve(self._ask(job, pools)), jobs), 0)
        return jobs

    def _ask(self, job: str, pools: Sequence[str]) -> Reservation:
        self._turn += 1
        return Reservation(
            job_id=job, request_id=job, session_id="bench", instance="here", src_lang="en", tgt_lang="pt",
            requirement=_REQUIREMENT, pools=pools, pools_version=1, spec="{}\n{}\n{}", audio=job,
            next_index=self._turn,
        )  # fmt: skip

    def _forget(self, fleet: Fleet, jobs: list[str]) -> None:
        keys = self._ledgers[fleet.name].keys
        calls = [([keys.cell, keys.job(job)], [job, "X", "x"]) for job in jobs]
        self._store.calls(load("cancel"), calls)
        names = [name for job in jobs for name in (keys.job(job), keys.request(job))]
        self._store.command("UNLINK", *names, *(keys.results(shard) for shard in range(4)))

    def _connect(self, ledger: Ledger, nodes: list[tuple[str, CapabilityClass, int]]) -> None:
        def connect(node: tuple[str, CapabilityClass, int]) -> None:
            name, capability, slots = node
            ledger.nodes.register(_node(name, capability, slots))
            ledger.nodes.heartbeat(Beat(name, "socket", 0, True, False, "{}", capability, False))

        with ThreadPoolExecutor(_BUILDERS) as builders:
            deque(builders.map(connect, nodes), 0)


def _node(name: str, capability: CapabilityClass, slots: int) -> NodeRegistration:
    return NodeRegistration(name, "socket", "here", "", slots, _NEVER_MS // 2, capability, True, "{}")


def _capability(number: int) -> CapabilityClass:
    """Give a class that serves the requirement, and one language that no other class speaks."""
    own = frozenset() if number == 0 else frozenset({f"x{number}"})
    return CapabilityClass(
        services=_SERVICES,
        asr=frozenset({"en"}),
        tts=frozenset({"pt"}) | own,
        blocks=((frozenset({"en"}), frozenset({"pt"})),),
    )
