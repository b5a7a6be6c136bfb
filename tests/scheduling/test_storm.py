"""Callers that give up: the ledger under every fault, then at peace, by a hundred seeds.

Unlike in `tests/scheduling/test_faults.py` calls may also run late, after others, and nobody insists. What is
then in the ledger cannot be foretold, but it must be sound: no slot leased twice or for ever, each job ended
once, each order number given once.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from scheduling.bodies import Bodies
from scheduling.drain import drain_shards
from scheduling.errors import StoreError
from scheduling.ledger.codes import LedgerError
from scheduling.store.plain import PlainStore
from tests.faults import Faults, FaultyStore
from tests.lua import invariants
from tests.lua.dump import Dump
from tests.lua.model import JobModel, Model, NodeModel
from tests.lua.world import DE, POOLS, PT, World, reservation
from tests.scheduling.crashing import lapse
from tests.scheduling.results_of import spec_of

_CLASSES = {"n1": "A", "n2": "C", "n3": "B"}
_SESSIONS = ("s", "t")
_STEPS = 120
_PERIODS = 14


class Storm:
    """Everything that calls the ledger, at random; callers hear of refusals and of errors of the store."""

    def __init__(self, store: PlainStore, seed: int) -> None:
        self.random = Random(seed)
        calm = World(store)
        for node, klass in _CLASSES.items():
            calm.ready(node, klass, slots=2)
        for session in _SESSIONS:
            calm.open(session)
        self.faulty = FaultyStore(store, Faults(seed, rate=0.4))
        self.world = World(store)
        self.world.ledger = type(calm.ledger)(self.faulty, calm.settings)
        self.ledger = self.world.ledger
        self.bodies = Bodies(self.faulty, calm.settings)
        self.jobs: list[str] = []
        self.heard: Counter[str] = Counter()

    def run(self) -> None:
        steps: list[Callable[[], object]] = [
            self.reserve, self.reserve, self.advance, self.complete, self.complete, self.cancel, self.requeue,
            self.settle, self.beat, self.offline, self.back, self.drain_node, self.drain, self.time,
        ]  # fmt: skip
        for _ in range(_STEPS):
            step = self.random.choice(steps)
            for _ in range(self.random.choice([1, 1, 2, 3])):  # some ask again, most give up
                try:
                    step()
                    break
                except (StoreError, LedgerError) as error:
                    self.heard[type(error).__name__] += 1

    def reserve(self) -> None:
        name = f"j{len(self.jobs):03}"
        requirement = self.random.choice([PT, DE])
        session = self.random.choice(_SESSIONS)
        pools = [POOLS["A" if requirement is PT else "B"], POOLS["C"]]
        self.jobs.append(name)
        cost = self.random.choice([1, 2])
        ask = reservation(name, session=session, requirement=requirement, pools=pools, version=-1, cost=cost)
        self.ledger.jobs.reserve(replace(ask, spec=spec_of(session, len(self.jobs), requirement.tgt)))

    def _job(self) -> tuple[str, str, int]:
        """Pick a job, with a node and attempt that are often its own."""
        name = self.random.choice(self.jobs or ["none"])
        record = self.world.job(name)
        node = record.get("node") or self.random.choice(list(_CLASSES))
        return name, node, int(record.get("attempt", 1)) or 1

    def advance(self) -> None:
        name, node, attempt = self._job()
        stage: Any = self.random.choice(["dispatched", "accepted", "started", "progress"])
        self.ledger.jobs.advance(name, node, attempt, stage, f"{self.random.random()}", "web1")

    def complete(self) -> None:
        name, node, attempt = self._job()
        verdict: Any = self.random.choice(["ok", "ok", "retry", "fail"])
        self.ledger.jobs.complete(name, node, attempt, verdict, instance="web1", code="X", message="x")

    def cancel(self) -> None:
        self.ledger.jobs.cancel(self._job()[0], "X", "x")

    def requeue(self) -> None:
        self.ledger.jobs.requeue(*self._job(), "NODE_UNAVAILABLE", "x")

    def settle(self) -> None:
        self.ledger.jobs.settle("me", 60_000, self.random.choice([1, 64]))

    def beat(self) -> None:
        node = self.random.choice(list(_CLASSES))
        self.world.beat(node, klass=_CLASSES[node])

    def offline(self) -> None:
        node = self.random.choice(list(_CLASSES))
        self.ledger.nodes.offline(node, f"so-{node}", "closed", self.random.choice([0, 2000]))

    def back(self) -> None:
        node = self.random.choice(list(_CLASSES))
        self.world.register(node, klass=_CLASSES[node], slots=2)
        self.beat()

    def drain_node(self) -> None:
        by: Any = self.random.choice(["node", ""])
        self.ledger.nodes.drain(self.random.choice(list(_CLASSES)), by, "x")

    def drain(self) -> None:
        drain_shards(self.ledger, self.bodies, [self.random.randrange(self.world.settings.shards)])

    def time(self) -> None:
        self.world.go(self.random.choice([1, 500, 1000, 2000, 7500]))

    def calm_down(self) -> None:
        """End the faults; then time passes until nothing is under way."""
        self.faulty.calm()
        for _ in range(_PERIODS):
            self.world.go(5000)
            while (due := self.world.settle()) and due <= self.world.now_ms:
                pass


@pytest.mark.parametrize("seed", range(100))
def test_what_the_faults_leave_is_sound(store: PlainStore, seed: int) -> None:
    storm = Storm(store, seed)
    storm.run()
    storm.faulty.calm()
    found = storm.world.dump()
    check_sound(_model_of(found, storm.world.now_ms), found)
    storm.calm_down()
    found = storm.world.dump()
    model = _model_of(found, storm.world.now_ms)
    check_sound(model, found)
    assert all(job.ended for job in model.jobs.values())
    assert not found.named("leases")
    assert not found.scores("deadlines")
    assert found.hash("cell")["waiting"] == "0"
    check_told_once(store, storm, model)


def test_callers_hear_of_typed_errors_only(store: PlainStore) -> None:
    """Each kind that a store may raise came up to the callers above, and nothing else did."""
    heard: Counter[str] = Counter()
    for seed in range(20):
        store.command("FLUSHALL")
        storm = Storm(store, seed)
        storm.run()
        heard += storm.heard
    stores = {"StoreUnavailable", "StoreTimeout", "StoreBusy", "StoreReadOnly", "StoreOutOfMemory"}
    assert stores <= heard.keys()
    assert not heard.keys() & {"ScriptError", "CommandError"}


def check_sound(model: Model, found: Dump) -> None:
    """Hold the records against everything that must agree with them; what was told is looked at apart."""
    invariants.check_leases(model, found)
    invariants.check_waiting(model, found)
    invariants.check_deadlines(model, found)
    invariants.check_pools(model, found)
    invariants.check_totals(model, found)
    invariants.check_orders(model)
    for node in model.nodes.values():
        used = len(found.scores(f"leases:{node.name}"))
        assert used <= node.slots, f"{node.name} is over-committed"


def check_told_once(plain: PlainStore, storm: Storm, model: Model) -> None:
    """Every job's end is released once, in order, however often the drains broke off."""
    settings, store = storm.world.settings, storm.world.store
    for _ in range(50):
        for shard in range(settings.shards):
            lapse(plain, storm.ledger.keys.results(shard))  # what broke off
            drain_shards(storm.ledger, storm.bodies, [shard])
        if not any(store.command("XLEN", storm.ledger.keys.results(n)) for n in range(settings.shards)):
            break
    found = storm.world.dump()
    for session in _SESSIONS:
        told = [(entry["tgt"], int(entry["order"])) for entry in found.entries(f"out:{session}")]
        given = sorted((job.tgt, job.order) for job in model.jobs.values() if job.session == session)
        assert sorted(told) == given
        for tgt in ("pt", "de"):
            orders = [order for name, order in told if name == tgt]
            assert orders == sorted(orders)


def _model_of(found: Dump, now_ms: int) -> Model:
    """Describe what the records say, to be held against everything else that is in the ledger."""
    model = Model()
    model.now = now_ms
    for name in found.named("node"):
        record = found.hash(f"node:{name}")
        node = NodeModel(
            name, _CLASSES[name], record["socket"], int(record["max"]), int(record["beat_ms"]),
            int(record["seen_ms"]), set(record["pools"].split()), status=record["status"],
            held=int(record["held"]),
        )  # fmt: skip
        model.nodes[name] = node
    jobs = sorted(found.named("job"), key=lambda name: float(found.hash(f"job:{name}").get("start", 0)))
    for name in jobs:
        record = found.hash(f"job:{name}")
        model.jobs[name] = JobModel(
            name, record["requirement"], record["session"], record["tgt"], int(record["order"]),
            int(record.get("cost", 1)), int(record["created_ms"]), record["state"],
            record.get("tried", "").split(),
        )  # fmt: skip
    for requirement in found.hash("requirements"):
        model.links[requirement] = found.members(f"reqpools:{requirement}")
    return model
