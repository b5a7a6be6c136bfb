"""Nodes in the ledger: registration, signs of life, pools."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

from scheduling.capability import CapabilityClass
from scheduling.ledger.cell import Cell, text
from scheduling.requirement import Requirement
from scheduling.store.base import Part, Pending

DrainedBy = Literal["node", "operator", "quarantine", ""]

#: What may keep work from a node; `lua/include/nodes.lua` decides which it is.
WHY_WORDS = (
    "offline", "quarantined", "draining", "status_not_ready", "away", "silent", "instance_silent",
    "breaker_open", "resource_threshold_exceeded", "capacity_exceeded",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NodeRegistration:
    """What a node says of itself when it registers."""

    node_id: str
    socket: str
    """Token of the connection."""
    instance: str
    credential: str
    """Fingerprint; empty in open mode."""
    slots: int
    beat_ms: int
    capability: CapabilityClass
    acknowledges: bool
    profile: str
    """JSON shown to operators."""
    running: Sequence[tuple[str, int]] | None = None
    """(job, attempt) the agent still runs; None when it does not say."""
    tier: str = ""
    """Trust tier of its credential."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A node is admitted and this socket is its only one."""

    generation: int
    status: str
    status_seq: int
    former_instance: str
    former_socket: str
    """Socket to close when its instance is the caller's."""
    dirty: bool
    """Its class is new: a worker has to make the pool."""
    aborts: tuple[tuple[str, int], ...] = ()
    """(job, attempt) the agent runs that are not its own any more."""


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat."""

    node_id: str
    socket: str
    running: int
    healthy: bool
    overloaded: bool
    usage: str
    """JSON shown to operators."""
    capability: CapabilityClass
    capability_changed: bool
    draining: bool = False
    attempts: Sequence[tuple[str, int]] | None = None
    """(job, attempt) the node runs; None when it does not say."""


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node after a heartbeat."""

    status: str
    status_seq: int
    """Raised at each change of status."""
    reason: str
    dirty: bool
    free_slots: int
    aborts: tuple[tuple[str, int], ...] = ()
    """(job, attempt) the node runs that are not its own any more."""


class Nodes:
    """Typed calls of the node scripts."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._keys = cell.keys

    def register(self, node: NodeRegistration, *, again: bool = False) -> Registered:
        """Admit a node; ``again`` for a socket that was here before, which takes it over from no other.

        Raises `NodeIdConflict` and, if ``again``, `NodeReplaced`.
        """
        reply = self._cell.call(
            "register_node",
            [self._keys.node(node.node_id)],
            [
                node.node_id, node.socket, node.instance, node.credential, node.slots, node.beat_ms,
                node.capability.class_id, node.capability.canonical(), _semantic(node.capability),
                int(node.acknowledges), node.profile, int(again), node.tier, *_listed(node.running),
            ],
        )  # fmt: skip
        _, generation, status, seq, former_instance, former_socket, dirty, aborts = reply
        return Registered(
            generation,
            text(status),
            seq,
            text(former_instance),
            text(former_socket),
            dirty == b"1",
            _chosen(node.running, aborts),
        )

    def heartbeat(self, beat: Beat) -> NodeState:
        """Note a sign of life with its news. Raises `UnknownNode` and `NodeReplaced`."""
        canonical = beat.capability.canonical() if beat.capability_changed else ""
        reply = self._cell.call(
            "heartbeat",
            [self._keys.node(beat.node_id)],
            [
                beat.node_id, beat.socket, beat.running, int(beat.healthy), int(beat.overloaded), beat.usage,
                beat.capability.class_id, canonical, _semantic(beat.capability), int(beat.draining),
                uuid4().hex, *_listed(beat.attempts),
            ],
        )  # fmt: skip
        _, status, seq, reason, dirty, free, aborts = reply
        return NodeState(text(status), seq, text(reason), dirty == b"1", free, _chosen(beat.attempts, aborts))

    def touch(self, node_id: str, socket: str) -> None:
        """Note a sign of life without news. Raises `UnknownNode` and `NodeReplaced`."""
        self._cell.call("touch_node", [self._keys.node(node_id)], [node_id, socket])

    def submit_touch(self, node_id: str, socket: str) -> Pending:
        """Do the same without waiting; a node that is unknown or elsewhere by now is no error."""
        return self._cell.submit("touch_node", [self._keys.node(node_id)], [node_id, socket])

    def offline(self, node_id: str, socket: str, reason: str, grace_ms: int) -> bool:
        """Note that a socket closed; False when it no longer held the node."""
        reply = self._cell.call(
            "node_offline", [self._keys.node(node_id)], [node_id, socket, reason, grace_ms]
        )
        return bool(reply[0])

    def submit_offline(self, node_id: str, socket: str, reason: str, grace_ms: int) -> Pending:
        """Do the same without waiting."""
        args: list[Part] = [node_id, socket, reason, grace_ms]
        return self._cell.submit("node_offline", [self._keys.node(node_id)], args)

    def drain(self, node_id: str, by: DrainedBy, reason: str, socket: str = "") -> tuple[str, int]:
        """Take a node out of new work, or back with ``by`` empty; give its status and status number.

        In quarantine its running jobs go elsewhere at once. A node names the ``socket`` it speaks over.
        Raises `UnknownNode` and `NodeReplaced`.
        """
        args: list[Part] = [node_id, by, reason, socket]
        reply = self._cell.call("drain_node", [self._keys.node(node_id)], args)
        return text(reply[1]), reply[2]

    def set_pools(self, node_id: str, capability: CapabilityClass, pools: Sequence[str] = ()) -> int:
        """Put a node into pools, or those noted for its class; give the version of the pools.

        Raises `UnknownNode` and `StaleCapabilities`.
        """
        args = [node_id, capability.class_id, capability.canonical(), *pools]
        reply = self._cell.call("set_node_pools", [self._keys.node(node_id)], args)
        return int(reply[1])

    def link(self, requirement: Requirement, pools: Sequence[str]) -> int:
        """Note which pools serve a requirement; give the number of jobs that still wait for it."""
        return int(self._cell.call("link_requirement", *_to_link(requirement, pools, ""))[1])

    def link_all(self, links: Sequence[tuple[Requirement, Sequence[str]]], version: int) -> list[int]:
        """Do the same for several requirements, in one round trip.

        ``version`` is that of the pools they were computed from. Raises `StaleCapabilities`.
        """
        replies = self._cell.calls("link_requirement", [_to_link(*link, version) for link in links])
        return [int(reply[1]) for reply in replies]

    def set_class_pools(self, changes: Sequence[tuple[str, str, str]]) -> None:
        """Note which pools the nodes of classes stand in: (class, pools seen, pools), space separated.

        Nodes that come join them; the others are yours to move. Raises `StaleCapabilities`.
        """
        self._cell.calls("set_class_pools", [([], change) for change in changes])

    def join_pools(self, node_ids: Sequence[str], class_id: str) -> None:
        """Put nodes of a class into the pools noted for it; those that changed or left are passed over."""
        asked = [([self._keys.node(node_id)], [node_id, class_id]) for node_id in node_ids]
        self._cell.calls("join_pools", asked)

    def class_moved(self, class_id: str, pools: str) -> bool:
        """Note that all nodes of a class stand in these pools; False when they are other ones by now."""
        return bool(self._cell.call("class_moved", [], [class_id, pools])[0])

    def set_pool_file(self, definitions: str, error: str) -> int:
        """Put the operator's pools in force; give the version of the pools."""
        return int(self._cell.call("set_pool_file", [], [definitions, error])[1])

    def prune_pool(self, pool: str, requirement_ids: Sequence[str]) -> bool:
        """Forget a pool if it has had no node for long; ``requirement_ids`` are those it serves."""
        return bool(self._cell.call("prune_pool", [], [pool, *requirement_ids])[0])

    def capability_of(self, node_id: str) -> CapabilityClass | None:
        """Class a node stated last; None when the node is unknown."""
        canonical = self._cell.store.command("HGET", self._keys.node(node_id), "class_json")
        return CapabilityClass.from_canonical(canonical.decode()) if canonical else None


def _listed(attempts: Sequence[tuple[str, int]] | None) -> list[Part]:
    return [int(attempts is not None), *(f"{job}|{attempt}" for job, attempt in attempts or ())]


def _chosen(attempts: Sequence[tuple[str, int]] | None, places: bytes) -> tuple[tuple[str, int], ...]:
    return tuple(attempts[int(place) - 1] for place in places.split()) if attempts else ()


def _semantic(capability: CapabilityClass) -> str:
    return " ".join(sorted(capability.semantic))


def _to_link(requirement: Requirement, pools: Sequence[str], version: Part) -> tuple[list[Part], list[Part]]:
    return [], [requirement.requirement_id, requirement.canonical(), version, *pools]
