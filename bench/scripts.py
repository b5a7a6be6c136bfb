"""Server time of each hot script, measured by Valkey itself, on a fleet of a given size."""

from collections.abc import Callable
from uuid import uuid4

from scheduling.capability import CapabilityClass
from scheduling.ledger import Beat, Ledger, NodeRegistration, Placement, Reservation
from scheduling.requirement import Requirement
from scheduling.settings import Settings
from scheduling.store.base import Store

SERVICES = frozenset({"asr", "nmt", "tts"})
FLEET_CLASS = CapabilityClass(
    services=SERVICES,
    asr=frozenset({"en"}),
    tts=frozenset({"pt"}),
    blocks=((frozenset({"en"}), frozenset({"pt"})),),
)
REQUIREMENT = Requirement("en", "pt", SERVICES)


class ScriptBench:
    """Runs one script at a time and reads the server's own latency statistics."""

    def __init__(self, store: Store, settings: Settings, nodes: int, calls: int) -> None:
        self._store = store
        self._ledger = Ledger(store, settings)
        self._nodes = nodes
        self._calls = calls
        self._placed: list[Placement] = []

    def run(self) -> dict[str, dict[str, float]]:
        """Give p50 and p99 server time (ms) of register, heartbeat, create and complete."""
        self._ledger.cell.open()
        self._ledger.sessions.open("bench", "here", "socket", "{}")
        flows = {
            "register": self._register,
            "heartbeat": self._heartbeat,
            "create": self._create,
            "complete": self._complete,
        }
        return {flow: self._measure(step) for flow, step in flows.items()}

    def _measure(self, step: Callable[[int], None]) -> dict[str, float]:
        step(0)  # loads the script
        self._store.command("CONFIG", "RESETSTAT")
        for number in range(1, self._calls):
            step(number)
        line = next(
            line
            for line in self._store.command("INFO", "latencystats").decode().splitlines()
            if line.startswith("latency_percentiles_usec_evalsha")
        )
        found = dict(part.split("=") for part in line.partition(":")[2].split(","))
        return {"p50_ms": float(found["p50"]) / 1000, "p99_ms": float(found["p99"]) / 1000}

    def _register(self, number: int) -> None:
        node_id = f"node-{number % self._nodes}"
        self._ledger.nodes.register(
            NodeRegistration(node_id, uuid4().hex, "here", "", 64, 15000, FLEET_CLASS, True, "{}")
        )
        if number < self._nodes:
            self._ledger.nodes.set_pools(node_id, FLEET_CLASS, [FLEET_CLASS.class_id])

    def _heartbeat(self, number: int) -> None:
        node_id = f"node-{number % self._nodes}"
        socket = self._store.command("HGET", self._ledger.keys.node(node_id), "socket").decode()
        self._ledger.nodes.heartbeat(Beat(node_id, socket, 0, True, False, "{}", FLEET_CLASS, False))

    def _create(self, number: int) -> None:
        job_id = uuid4().hex
        placement = self._ledger.jobs.reserve(
            Reservation(
                job_id=job_id, request_id=job_id, session_id="bench", instance="here", src_lang="en",
                tgt_lang="pt", requirement=REQUIREMENT, pools=[FLEET_CLASS.class_id], pools_version=1,
                spec="{}\n{}\n{}", audio=job_id, next_index=number,
            )
        )  # fmt: skip
        self._placed.append(placement)

    def _complete(self, number: int) -> None:
        if number >= len(self._placed):
            return
        job = self._placed[number]
        if job.node_id:
            self._ledger.jobs.complete(
                job.job_id, job.node_id, job.attempt, "ok", instance="here", result="{}"
            )
