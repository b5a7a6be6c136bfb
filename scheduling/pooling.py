"""Pools in the background: what a worker does about nodes and requirements the scripts marked."""

from collections.abc import Iterator, Mapping
from functools import partial

from scheduling.capability import CapabilityClass
from scheduling.catalog import Catalog, read_class_pools, read_pools, read_requirements, read_snapshot
from scheduling.ledger import Ledger
from scheduling.ledger.cell import text
from scheduling.ledger.codes import StaleCapabilities, TooManyClasses, UnknownNode
from scheduling.outbox import Drained, Entry, Outbox
from scheduling.pools import links_for, plan, why_not
from scheduling.requirement import Requirement

#: Others may make new classes while one is at it; whoever comes last sees everything.
_TRIES = 20
#: Nodes moved in one round trip.
_AT_ONCE = 200


def drain_pools(ledger: Ledger, *, most_ms: int | None = None) -> Drained:
    """Assign pools to marked nodes and link marked requirements; refresh the snapshot.

    ``most_ms`` as in `Outbox`.
    """
    outbox = Outbox(ledger.cell.store, ledger.cell.settings, ledger.keys.dirty, most_ms=most_ms)
    return outbox.drain(partial(_look_at, ledger))


def _look_at(ledger: Ledger, entries: list[Entry]) -> None:
    for node_id in dict.fromkeys(entry.fields["node"] for entry in entries if "node" in entry.fields):
        assign_pool(ledger, node_id)
    settle_pools(ledger)


def assign_pool(ledger: Ledger, node_id: str) -> CapabilityClass | None:
    """Put a node into the pools of its class, which is made if it is new; None when the node is gone."""
    while (capability := ledger.nodes.capability_of(node_id)) is not None:
        try:
            ledger.nodes.set_pools(node_id, capability)
        except StaleCapabilities:
            continue  # it changed in between; as the node was marked already, nobody else would look again
        except (UnknownNode, TooManyClasses):
            return None
        return capability
    return None


def settle_pools(ledger: Ledger) -> bool:
    """Bring links, the pools of each class and the snapshot to what follows from the classes there are.

    It may be broken off anywhere: the next one goes on. False when others changed the pools all the time;
    each of them comes here afterwards.
    """
    for _ in range(_TRIES):
        try:
            _settle_once(ledger)
        except StaleCapabilities:
            continue
        return True
    return False


def _settle_once(ledger: Ledger) -> None:
    store, keys = ledger.cell.store, ledger.keys
    # In this order: a pool made for a requirement is only met with the requirement.
    in_force = read_class_pools(store, keys)
    pools = read_pools(store, keys)
    requirements = read_requirements(store, keys)
    drawn = plan(pools.classes, requirements, pools.file, in_force)
    # A node joins new pools before jobs are led there, and leaves old ones when none comes there any more.
    between = {name: _joined(in_force.get(name, ""), wanted) for name, wanted in drawn.class_pools.items()}
    _change_class_pools(ledger, in_force, between)
    _link(ledger, requirements, drawn.links, pools.version)
    _change_class_pools(ledger, between, drawn.class_pools)
    _publish(ledger, pools, drawn.links)


def _joined(before: str, after: str) -> str:
    name, *others = after.split()
    return " ".join([name, *sorted({*before.split(), *others} - {name})])


def _change_class_pools(ledger: Ledger, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Note new pools of classes and move the nodes of all that are marked, by others who died as well."""
    changes = [
        (name, before.get(name, ""), pools) for name, pools in after.items() if before.get(name) != pools
    ]
    ledger.nodes.set_class_pools(changes)
    items = ledger.cell.store.command("HGETALL", ledger.keys.moving_classes)
    for name, pools in zip(items[::2], items[1::2], strict=True):
        for node_ids in _members(ledger, text(name)):
            ledger.nodes.join_pools(node_ids, text(name))
        ledger.nodes.class_moved(text(name), text(pools))


def _members(ledger: Ledger, pool: str) -> Iterator[list[str]]:
    """Go through the nodes of a pool; those that come meanwhile join their pools by themselves."""
    cursor = b"0"
    while True:
        cursor, found = ledger.cell.store.command(
            "SSCAN", ledger.keys.members(pool), cursor, "COUNT", _AT_ONCE
        )
        yield [text(node_id) for node_id in found]
        if cursor == b"0":
            return


def _link(
    ledger: Ledger, requirements: list[Requirement], links: Mapping[str, list[str]], version: int
) -> None:
    store, keys = ledger.cell.store, ledger.keys
    wanted = [(each, links[each.requirement_id]) for each in requirements if each.requirement_id in links]
    asked = [("SMEMBERS", keys.requirement_pools(requirement.requirement_id)) for requirement, _ in wanted]
    changed = [
        link
        for link, found in zip(wanted, store.commands(asked), strict=True)
        if {text(pool) for pool in found} != set(link[1])
    ]
    ledger.nodes.link_all(changed, version)


def prune_pools(ledger: Ledger) -> int:
    """Forget classes that no node has had for long, and requirements they alone served; give how many."""
    store, keys = ledger.cell.store, ledger.keys
    requirements = read_requirements(store, keys)
    pools = read_pools(store, keys)
    pruned = 0
    for pool, capability in pools.classes.items():
        served = [req.requirement_id for req in requirements if why_not(capability, req) is None]
        pruned += ledger.nodes.prune_pool(pool, served)
    for req in requirements:
        if req.node or not links_for(pools.classes, req, pools.file).pools:
            own = f"node-{req.node}" if req.node else f"req-{req.requirement_id}"
            pruned += ledger.nodes.prune_pool(own, [req.requirement_id])
    settle_pools(ledger)
    return pruned


def _publish(ledger: Ledger, pools: Catalog, links: Mapping[str, list[str]]) -> None:
    """Publish the snapshot if it differs and no newer one is in force."""
    compiled = {key: links[key] for key in sorted(links)}
    fresh = Catalog(pools.version, pools.classes, {**compiled}, pools.file)
    in_force = read_snapshot(ledger.cell.store, ledger.keys)
    if in_force != fresh:
        ledger.cell.call("publish_snapshot", [ledger.keys.snapshot], [fresh.version, fresh.to_json()])
