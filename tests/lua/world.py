"""One cell on a real server, its clock in the test's hands, and short ways to speak to it."""

from collections.abc import Sequence
from typing import Any

from scheduling.capability import CapabilityClass
from scheduling.ledger import Beat, Ledger, NodeRegistration, NodeState, Placement, ReadyResult, Reservation
from scheduling.requirement import Requirement
from scheduling.settings import Settings
from scheduling.store.base import Store
from tests.lua.dump import Dump, dump

START_MS = 1_800_000_000_000

SPEECH = frozenset({"asr", "nmt", "tts"})
#: One class a name; what they can do plays no part in the ledger, only that they differ.
CLASSES = {
    "A": CapabilityClass(SPEECH, asr=frozenset({"en"}), tts=frozenset({"pt"})),
    "B": CapabilityClass(SPEECH, asr=frozenset({"en"}), tts=frozenset({"de"})),
    "C": CapabilityClass(
        SPEECH | {"semantic"},
        asr=frozenset({"en"}),
        tts=frozenset({"de", "pt"}),
        semantic=frozenset({"en", "pt"}),
    ),
}
POOLS = {name: capability.class_id for name, capability in CLASSES.items()}
PT = Requirement("en", "pt", SPEECH)
DE = Requirement("en", "de", SPEECH)


class World:
    """A cell with one instance ``web1``; every default may be overridden in the call."""

    def __init__(self, store: Store, **settings: int | str) -> None:
        self.store = store
        # Marks that live in real time must outlive a test that compares two moments; queues may be long.
        limits: dict[str, int | str] = {"wake_ms": 60_000, "admit_wait_ms": 10**9, **settings}
        limits.setdefault("standing_wait_ms", limits["admit_wait_ms"])
        self.settings = Settings(redis_url="redis://unused", **limits)  # type: ignore[arg-type]
        self.ledger = Ledger(store, self.settings)
        self.keys = self.ledger.keys
        self.ledger.cell.open()
        self.now_ms = START_MS
        self.go(0)

    def go(self, ms: int) -> None:
        """Move the clock; nothing happens by itself until somebody settles."""
        self.now_ms += ms
        self.store.command("HSET", self.keys.cell, "clock", self.now_ms)

    def dump(self) -> Dump:
        return dump(self.store, self.keys.prefix)

    def heard(self, instance: str) -> None:
        """Let an instance show that it lives; one that was declared dead begins anew."""
        self.ledger.instances.touch(instance, 0)

    def pass_swept(self, ms: int, sweeper: str = "me") -> None:
        """Let time pass in which somebody sweeps all along."""
        for _ in range(ms // 1000):
            self.settle(sweeper=sweeper)
            self.go(1000)
        self.go(ms % 1000)
        self.settle(sweeper=sweeper)

    def settle(self, most: int = 64, sweeper: str = "me") -> int | None:
        """Sweep; web processes show on the way that they live."""
        if sweeper.startswith("web"):
            self.heard(sweeper)
        return self.ledger.jobs.settle(sweeper, 60_000, most)

    def register(self, node: str, **changes: Any) -> None:
        """Register over a socket ``so-NODE``."""
        self.ledger.nodes.register(registration(node, **changes))

    def beat(self, node: str, **changes: Any) -> NodeState:
        return self.ledger.nodes.heartbeat(beat(node, **changes))

    def ready(self, node: str, klass: str = "A", **changes: Any) -> None:
        """Bring a node all the way to its first work."""
        self.register(node, klass=klass, **changes)
        self.ledger.nodes.set_pools(node, CLASSES[klass], [POOLS[klass]])
        self.beat(node, klass=klass)

    def open(self, session: str = "s", instance: str = "web1", socket: str = "client") -> None:
        self.ledger.sessions.open(session, instance, socket, "{}")

    def reserve(self, job: str, **changes: Any) -> Placement:
        """Ask for a slot for session ``s``, English to Portuguese, on nodes of class A."""
        return self.ledger.jobs.reserve(reservation(job, **changes))

    def started(self, job: str, **changes: Any) -> Placement:
        """Reserve and dispatch."""
        placed = self.reserve(job, **changes)
        self.ledger.jobs.advance(job, placed.node_id, 1, "dispatched", f"{job}-sent", "web1")
        return placed

    def job(self, job: str) -> dict[str, str]:
        return self.dump().hash(f"job:{job}")

    def node(self, node: str) -> dict[str, str]:
        return self.dump().hash(f"node:{node}")

    def inbox(self, instance: str = "web1") -> list[dict[str, str]]:
        return self.dump().entries(f"inbox:{instance}")

    def outbox(self) -> list[str]:
        """Jobs whose end was recorded for the workers, over all shards."""
        found = self.dump()
        shards = found.named("outbox:results")
        return sorted(entry["job"] for shard in shards for entry in found.entries(f"outbox:results:{shard}"))


def registration(
    node: str,
    *,
    klass: str = "A",
    socket: str = "",
    instance: str = "web1",
    credential: str = "",
    slots: int = 1,
    beat_ms: int = 15_000,
    acks: bool = False,
    running: Sequence[tuple[str, int]] | None = None,
    tier: str = "",
) -> NodeRegistration:
    """Give what a node says when it registers."""
    return NodeRegistration(
        node,
        socket or f"so-{node}",
        instance,
        credential,
        slots,
        beat_ms,
        CLASSES[klass],
        acks,
        "{}",
        running,
        tier,
    )


def beat(
    node: str,
    *,
    klass: str = "A",
    socket: str = "",
    running: int = 0,
    healthy: bool = True,
    overloaded: bool = False,
    changed: bool = False,
    draining: bool = False,
    attempts: Sequence[tuple[str, int]] | None = None,
) -> Beat:
    """Give what a node says in a heartbeat."""
    return Beat(
        node, socket or f"so-{node}", running, healthy, overloaded, "{}", CLASSES[klass], changed, draining,
        attempts,
    )  # fmt: skip


def reservation(
    job: str,
    *,
    request: str = "",
    session: str = "s",
    instance: str = "web1",
    requirement: Requirement = PT,
    pools: Sequence[str] = (POOLS["A"],),
    version: int = 1,
    cost: int = 1,
    preferred: str = "",
    next_index: int = 1,
    **fair: Any,
) -> Reservation:
    """Give what a session asks for an utterance."""
    return Reservation(
        job_id=job,
        request_id=request or f"request-{job}",
        session_id=session,
        instance=instance,
        src_lang=requirement.src,
        tgt_lang=requirement.tgt,
        requirement=requirement,
        pools=pools,
        pools_version=version,
        spec="{}",
        audio=f"audio-{job}",
        next_index=next_index,
        audio_from="6.0",
        preferred_pool=preferred,
        cost=cost,
        **fair,
    )


def result(order: int, *, session: str = "s", tgt: str = "pt", grouped: bool = True) -> ReadyResult:
    """Give the client messages of an order number."""
    return ReadyResult(session, tgt, order, grouped, "", "", f'{{"order": {order}}}')
