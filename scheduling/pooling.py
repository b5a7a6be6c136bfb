"""Pools in the background: what a worker does about nodes and requirements the scripts marked."""

import os
import socket

from scheduling.catalog import Catalog, read_pools, read_requirements, read_snapshot
from scheduling.ledger import Ledger
from scheduling.ledger.codes import StaleCapabilities, UnknownNode
from scheduling.outbox import Entry, Outbox
from scheduling.pools import candidates, why_not
from scheduling.requirement import Requirement


def consumer_name() -> str:
    """Name this process among those that drain."""
    return f"{socket.gethostname()}-{os.getpid()}"


def drain_pools(ledger: Ledger, most: int = 100) -> int:
    """Assign pools to marked nodes, link marked requirements, refresh the snapshot; give how many."""
    cell = ledger.cell
    outbox = Outbox(cell.store, cell.keys.dirty, consumer_name(), cell.settings.claim_ms)
    entries = outbox.claim(most)
    for entry in entries:
        _look_at(ledger, entry)
    outbox.done(entries)
    if entries:
        refresh_snapshot(ledger)
    return len(entries)


def _look_at(ledger: Ledger, entry: Entry) -> None:
    if node_id := entry.fields.get("node"):
        assign_pools(ledger, node_id)
    elif requirement_id := entry.fields.get("requirement"):
        item = ledger.cell.store.command("HGET", ledger.keys.requirements, requirement_id)
        if item:
            link_requirement(ledger, Requirement.from_canonical(item))


def assign_pools(ledger: Ledger, node_id: str) -> None:
    """Put a node into the pool of its class, and link what the class serves if it is new."""
    capability = ledger.nodes.capability_of(node_id)
    if capability is None:
        return
    try:
        ledger.nodes.set_pools(node_id, capability, [capability.class_id])
    except (StaleCapabilities, UnknownNode):
        return  # the change that made it stale is marked as well
    # Requirements are read after the pool is made: one that comes now sees the pool itself.
    for requirement in read_requirements(ledger.cell.store, ledger.keys):
        if why_not(capability, requirement) is None:
            ledger.nodes.link(requirement, [capability.class_id])


def link_requirement(ledger: Ledger, requirement: Requirement) -> None:
    """Link a requirement to every pool that serves it."""
    catalog = read_pools(ledger.cell.store, ledger.keys)
    ledger.nodes.link(requirement, candidates(catalog.classes, requirement))


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
