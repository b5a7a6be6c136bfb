"""Pools in the background: what a worker does about nodes and requirements the scripts marked."""

from collections.abc import Iterable
from functools import partial

from scheduling.capability import CapabilityClass
from scheduling.catalog import Catalog, read_pools, read_requirements, read_snapshot
from scheduling.ledger import Ledger
from scheduling.ledger.codes import StaleCapabilities, UnknownNode
from scheduling.outbox import Drained, Entry, Outbox
from scheduling.pools import candidates, why_not
from scheduling.requirement import Requirement


def drain_pools(ledger: Ledger) -> Drained:
    """Assign pools to marked nodes and link marked requirements, for a bounded time; refresh the snapshot."""
    outbox = Outbox(ledger.cell.store, ledger.keys.dirty, ledger.cell.settings)
    drained = outbox.drain(partial(_look_at, ledger))
    if drained.count:
        refresh_snapshot(ledger)
    return drained


def _look_at(ledger: Ledger, entries: list[Entry]) -> None:
    nodes = dict.fromkeys(entry.fields["node"] for entry in entries if "node" in entry.fields)
    requirements = dict.fromkeys(
        entry.fields["requirement"] for entry in entries if "requirement" in entry.fields
    )
    made = [capability for node_id in nodes if (capability := assign_pool(ledger, node_id))]
    if made:
        link_classes(ledger, made)
    if requirements:
        link_requirements(ledger, requirements)


def assign_pool(ledger: Ledger, node_id: str) -> CapabilityClass | None:
    """Put a node into the pool of its class, which is made if it is new; None when the node is gone."""
    while (capability := ledger.nodes.capability_of(node_id)) is not None:
        try:
            ledger.nodes.set_pools(node_id, capability, [capability.class_id])
        except StaleCapabilities:
            continue  # it changed in between; as the node was marked already, nobody else would look again
        except UnknownNode:
            return None
        return capability
    return None


def link_classes(ledger: Ledger, made: Iterable[CapabilityClass]) -> None:
    """Link what the classes serve. They are pools by now: a requirement that comes later sees them itself."""
    requirements = read_requirements(ledger.cell.store, ledger.keys)
    classes = {capability.class_id: capability for capability in made}
    links = [
        (requirement, served)
        for requirement in requirements
        if (served := [name for name, cls in classes.items() if why_not(cls, requirement) is None])
    ]
    ledger.nodes.link_all(links)


def link_requirements(ledger: Ledger, requirement_ids: Iterable[str]) -> None:
    """Link requirements to every pool that serves them."""
    store, keys = ledger.cell.store, ledger.keys
    items = store.command("HMGET", keys.requirements, *requirement_ids)
    requirements = [Requirement.from_canonical(item) for item in items if item]
    classes = read_pools(store, keys).classes
    ledger.nodes.link_all([(requirement, candidates(classes, requirement)) for requirement in requirements])


def prune_pools(ledger: Ledger) -> int:
    """Forget classes that no node has had for long; give how many."""
    store, keys = ledger.cell.store, ledger.keys
    requirements = read_requirements(store, keys)
    pruned = 0
    for pool, capability in read_pools(store, keys).classes.items():
        served = [req.requirement_id for req in requirements if why_not(capability, req) is None]
        pruned += ledger.nodes.prune_pool(pool, served)
    return pruned


def refresh_snapshot(ledger: Ledger) -> bool:
    """Compile the snapshot and publish it if it differs; False when a newer one is in force."""
    store, keys = ledger.cell.store, ledger.keys
    pools = read_pools(store, keys)
    compiled = {
        requirement.requirement_id: candidates(pools.classes, requirement)
        for requirement in read_requirements(store, keys)
    }
    fresh = Catalog(pools.version, pools.classes, {key: compiled[key] for key in sorted(compiled)})
    in_force = read_snapshot(store, keys)
    if in_force is not None and in_force == fresh:
        return True
    reply = ledger.cell.call("publish_snapshot", [keys.snapshot], [fresh.version, fresh.to_json()])
    return bool(reply[0])
