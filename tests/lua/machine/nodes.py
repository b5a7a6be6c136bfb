"""What nodes do, and the workers who find them their pools."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from scheduling.ledger.codes import NodeReplaced, StaleCapabilities
from scheduling.requirement import Requirement
from tests.lua.machine.base import CAN, Cell, classes, requirements, some
from tests.lua.model import ATTEMPT_MS, GRACE_MS, UTTERANCE_MS, JobModel, NodeModel
from tests.lua.world import CLASSES, POOLS

#: A class without nodes is forgotten after this time here, ms.
IDLE_MS = 5000

names = st.sampled_from(("n1", "n2", "n3", "n4"))


class NodeRules(Cell):
    """Nodes come, change, fall silent and go."""

    @rule(name=names, klass=classes, slots=st.integers(1, 4), acks=st.booleans())
    def arrive(self, name: str, klass: str, slots: int, acks: bool) -> None:
        """A node comes all the way to its first work; a worker does its part."""
        self.register(name, klass, slots, 15_000, acks, None)
        number = list(self.model.nodes).index(name)
        self.assign_pools(number, None, False)
        for requirement in CAN:
            if requirement.requirement_id in self.model.links:
                self.link(requirement, [], False)
        self.heartbeat(number, 0, True, False, False, None)

    @rule(
        name=names,
        klass=classes,
        slots=st.integers(1, 4),
        beat_ms=st.sampled_from([1000, 15_000, 40_000]),
        acks=st.booleans(),
        lists=st.sampled_from([None, False, True]),
    )
    def register(
        self, name: str, klass: str, slots: int, beat_ms: int, acks: bool, lists: bool | None
    ) -> None:
        """Register, anew or again; an agent lists all its attempts, none, or does not say."""
        socket = self.new_socket()
        held = [(job.name, len(job.tried)) for job in self.held_by(name)]
        running = None if lists is None else held if lists else []
        self.world.register(
            name, klass=klass, socket=socket, slots=slots, beat_ms=beat_ms, acks=acks, running=running
        )
        former = self.model.nodes.get(name)
        drain = former.drain if former and former.drain != "node" else ""
        node = NodeModel(name, klass, socket, slots, beat_ms, self.model.now, set(), drain)
        node.since_ms = self.model.now
        node.pinned = former.pinned if former else ""
        node.pools = self.model.pools_of(POOLS[klass], node)
        self.model.nodes[name] = node
        if lists:
            for job in self.held_by(name):
                self.renewed(node, job)
        if lists is False:
            lost = [job.name for job in self.held_by(name) if job.state != "assigned"]
            self.see()
            assert not [
                job for job in lost if self.model.jobs[job].holds(name, len(self.model.jobs[job].tried))
            ]

    def held_by(self, name: str) -> list[JobModel]:
        return [job for job in self.model.jobs.values() if job.running and job.tried[-1] == name]

    @rule(
        number=some,
        extra=st.integers(-2, 2),
        healthy=st.sampled_from([True, True, False]),
        overloaded=st.sampled_from([False, False, True]),
        draining=st.sampled_from([False, False, False, True]),
        klass=st.sampled_from([None, None, "A", "B", "C"]),
        lists=st.sampled_from([None, None, False, True]),
    )
    def heartbeat(
        self,
        number: int,
        extra: int,
        healthy: bool,
        overloaded: bool,
        draining: bool,
        klass: str | None,
        lists: bool | None = None,
    ) -> None:
        """A node says how it is, and what it runs: more or less than the ledger knows."""
        node = self.node(number)
        used = len(self.world.dump().scores(f"leases:{node.name}"))
        changed = klass is not None and klass != node.klass
        node.klass = klass or node.klass
        held = self.held_by(node.name)
        listed = [*((job.name, len(job.tried)) for job in held), ("foreign", 1)] if lists else []
        lost = [job for job in held if lists is False and self.should_be_known(node, job)]
        used -= sum(job.cost for job in lost)
        state = self.world.beat(
            node.name, klass=node.klass, socket=node.socket, running=max(0, used + extra), healthy=healthy,
            overloaded=overloaded, changed=changed, draining=draining,
            attempts=None if lists is None else listed,
        )  # fmt: skip
        assert state.aborts == ((("foreign", 1),) if lists else ())
        if POOLS[node.klass] not in node.pools:
            node.pools = self.model.pools_of(POOLS[node.klass], node) or (set() if changed else node.pools)
        for job in held if lists else []:
            self.renewed(node, job)
        node.beats(
            self.model.now, healthy=healthy, overloaded=overloaded, draining=draining, held=max(0, extra)
        )
        if lost:
            self.see()
            assert not [job.name for job in lost if job.holds(node.name, len(job.tried))]

    def renewed(self, node: NodeModel, job: JobModel) -> None:
        """What a node lists is its own for as long again as an attempt may be silent, and counts as sent."""
        job.advances(self.model.now)
        found = self.world.dump()
        due = min(self.model.now + ATTEMPT_MS, job.created_ms + UTTERANCE_MS)
        leases = found.scores(f"leases:{node.name}")
        assert {leases[f"{job.name}|{len(job.tried)}|{slot}"] for slot in range(1, job.cost + 1)} == {due}
        assert found.scores("deadlines")[f"j|{job.name}"] == due
        assert found.hash(f"job:{job.name}")["state"] != "assigned"

    def should_be_known(self, node: NodeModel, job: JobModel) -> bool:
        """Whether the node must have read the attempt it was sent: it had two of its intervals for it."""
        given_ms = int(self.found.hash(f"job:{job.name}")["assigned_ms"])
        return job.state != "assigned" and self.model.now - given_ms >= 2 * node.beat_ms

    @rule()
    def all_beat(self) -> None:
        """Every node that has not left says it is well: without this most of a run would be silence."""
        for number, node in enumerate(self.model.nodes.values()):
            if node.status != "offline":
                self.heartbeat(number, 0, True, False, False, None)
                self.see()

    @rule(number=some)
    def pong(self, number: int) -> None:
        """Any other frame counts as life."""
        node = self.node(number)
        self.ledger.nodes.touch(node.name, node.socket)
        if node.status != "offline" and node.away_until is None:
            node.seen_ms = self.model.now

    @rule(number=some, grace_ms=st.sampled_from([0, GRACE_MS]))
    def close(self, number: int, grace_ms: int) -> None:
        """The node's socket closes."""
        node = self.node(number)
        assert self.ledger.nodes.offline(node.name, node.socket, "closed", grace_ms)
        node.closes(self.model.now, grace_ms)

    @rule(number=some, grace_ms=st.sampled_from([0, GRACE_MS]))
    def former_socket(self, number: int, grace_ms: int) -> None:
        """A socket that no longer holds the node closes, or speaks once more: nothing happens."""
        name = self.node(number).name
        assert not self.ledger.nodes.offline(name, "so0", "closed", grace_ms)
        assert self.world.dump() == self.found
        self.refused(lambda: self.ledger.nodes.touch(name, "so0"), NodeReplaced)
        self.refused(lambda: self.world.beat(name, socket="so0"), NodeReplaced)

    @rule(number=some, by=st.sampled_from(["", "", "", "node", "operator", "quarantine"]))
    def drain(self, number: int, by: Any) -> None:
        """The node or an operator takes it out of new work, or back."""
        node = self.node(number)
        self.ledger.nodes.drain(node.name, by, "drain", node.socket if by == "node" else "")
        node.drains(by, self.model.now)

    @rule(number=some, klass=st.sampled_from([None, None, "A", "B", "C"]), gold=st.booleans())
    def assign_pools(self, number: int, klass: str | None, gold: bool) -> None:
        """A worker puts a node into its pools, perhaps by a computation that is out of date."""
        node = self.node(number)
        name, klass = node.name, klass or node.klass
        pools = [POOLS[klass], "gold"] if gold else [POOLS[klass]]
        if klass != node.klass:
            self.refused(lambda: self.ledger.nodes.set_pools(name, CLASSES[klass], pools), StaleCapabilities)
            return
        self.ledger.nodes.set_pools(name, CLASSES[klass], pools)
        self.model.made.add(POOLS[klass])
        if node.status != "offline":
            node.pools = set(pools)

    @rule(klass=st.sampled_from("ABC"), extra=st.sampled_from(["", "gold", "gold silver"]))
    def note_class_pools(self, klass: str, extra: str) -> None:
        """A worker notes new pools for a class; it may die before it has moved the nodes."""
        pool = POOLS[klass]
        pools, known = f"{pool} {extra}".strip(), " ".join(self.model.class_pools.get(pool, []))
        if pools != known:
            self.refused(
                lambda: self.ledger.nodes.set_class_pools([(pool, "others", pools)]), StaleCapabilities
            )
        if pool in self.model.made:
            self.ledger.nodes.set_class_pools([(pool, known, pools)])
            self.model.class_pools[pool] = pools.split()

    @rule(number=some)
    def pin(self, number: int) -> None:
        """A session is to wait for a node."""
        node = self.node(number)
        assert self.ledger.pairing.pin(node.name) == POOLS[node.klass]
        node.pinned = POOLS[node.klass]
        if node.status != "offline" and POOLS[node.klass] in self.model.made:
            node.pools = self.model.pools_of(node.pinned, node)

    @rule(klass=st.sampled_from("ABC"))
    def move_class(self, klass: str) -> None:
        """A worker moves the nodes of a class into the pools noted for it."""
        pool = POOLS[klass]
        pools = " ".join(self.model.class_pools.get(pool, [pool]))
        self.ledger.nodes.join_pools(list(self.model.nodes), pool)
        for node in self.model.nodes.values():
            if node.klass == klass and node.status != "offline" and pool in self.model.made:
                node.pools = self.model.pools_of(pool, node)
        assert self.ledger.nodes.class_moved(pool, pools)

    @rule(
        requirement=requirements,
        own=st.sampled_from([[], ["gold"], ["gold", "silver"], ["node-n1"]]),
        few=st.booleans(),
    )
    def link(self, requirement: Requirement, own: list[str], few: bool) -> None:
        """A worker links a requirement to the pools there are, to those made for it, or to both."""
        made = [POOLS[klass] for klass in CAN[requirement] if POOLS[klass] in self.model.made]
        pools = own if few and own else [*made, *own]
        version = int(self.world.dump().hash("cell")["pools_version"])
        self.refused(
            lambda: self.ledger.nodes.link_all([(requirement, pools)], version - 1), StaleCapabilities
        )
        self.ledger.nodes.link_all([(requirement, pools)], version)
        self.model.links[requirement.requirement_id] = set(pools)

    @rule(klass=st.sampled_from("ABC"))
    def prune(self, klass: str) -> None:
        """A worker forgets a class that has had no node for long."""
        pool = POOLS[klass]
        served = [requirement.requirement_id for requirement, able in CAN.items() if klass in able]
        kept_ms = self.found.hash("cell")["node_memory_ms"]
        self.store.command("HSET", self.ledger.keys.cell, "node_memory_ms", IDLE_MS)
        gone = self.ledger.nodes.prune_pool(pool, served)
        self.store.command("HSET", self.ledger.keys.cell, "node_memory_ms", kept_ms)
        assert gone == (pool not in self.model.made or self.idle(pool))
        if gone and pool in self.model.made:
            self.idle_since.pop(pool)
            self.model.forgets(pool, set(served))

    def idle(self, pool: str) -> bool:
        """Whether the worker has met the pool without nodes for long enough."""
        if any(pool in node.pools for node in self.model.nodes.values()):
            self.idle_since.pop(pool, None)
            return False
        return self.model.now - self.idle_since.setdefault(pool, self.model.now) >= IDLE_MS
