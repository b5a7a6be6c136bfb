"""What a node may do, has done, and everything that keeps work away from it."""

import json
from collections.abc import Sequence

from scheduling.capability import CapabilityClass
from scheduling.explain import views
from scheduling.explain.reading import kind_of, number, read_cell, record, texts
from scheduling.explain.words import reason
from scheduling.ledger import Cell
from scheduling.ledger.codes import UnknownNode

#: What a list shows of a node.
NODE_FIELDS = (
    "status", "why", "status_reason", "max", "held", "pools", "seen_ms", "registered_ms", "owner",
    "class_json", "tier",
)  # fmt: skip
_MORE = (
    "drain", "away", "stale_ms", "mute_ms", "overloaded", "usage", "breaker_ms", "strikes", "held_for",
    "given", "done", "failed", "retried", "class", "refused",
)  # fmt: skip
_MOST_PAIRS = 50
#: Requirements looked at per pool, to count the jobs that wait.
_MOST_WAITING = 8


def read_node(cell: Cell, node_id: str) -> views.Node:
    """Read one node. Raises `UnknownNode` and `StoreError`."""
    return node_view(node_id, *_read(cell, node_id)[:2])


def explain_node(cell: Cell, node_id: str) -> views.NodeExplanation:
    """Explain one node. Raises `UnknownNode` and `StoreError`."""
    found, used = _read(cell, node_id)
    node = node_view(node_id, found, used)
    now_ms, _ = read_cell(cell)
    heard = cell.store.command("ZSCORE", f"{cell.keys.prefix}instances", found["owner"])
    pools, waiting = _pools(cell, found["pools"].split())
    capability = CapabilityClass.from_canonical(found["class_json"])
    hindrances = _hindrances(cell, node, found, now_ms, number(heard, now_ms))
    return views.NodeExplanation(
        now_ms=now_ms,
        sentence=_sentence(node, hindrances, waiting),
        node=node,
        serves=_serves(capability),
        hindrances=hindrances,
        counters=views.Counters(
            given=number(found["given"]),
            done=number(found["done"]),
            failed=number(found["failed"]),
            retried=number(found["retried"]),
        ),
        pools=pools,
        waiting=waiting,
    )


def _read(cell: Cell, node_id: str) -> tuple[dict[str, str], int]:
    fields = (*NODE_FIELDS, *_MORE)
    values, used = cell.store.commands(
        [("HMGET", cell.keys.node(node_id), *fields), ("ZCARD", cell.keys.leases(node_id))]
    )
    found = record(fields, values)
    if not found["status"]:
        raise UnknownNode(f"There is no node {node_id}, or it was offline for too long.")
    return found, used


def node_view(node_id: str, found: dict[str, str], used: int) -> views.Node:
    """Put the fields of a record and its number of leases into a view."""
    most, held = number(found["max"]), number(found["held"])
    capability = CapabilityClass.from_canonical(found["class_json"])
    return views.Node(
        node_id=node_id,
        status=found["status"],
        why="offline" if found["status"] == "offline" else found["why"],
        reason=found["status_reason"],
        slots=views.Slots(most=most, used=used, held=held, free=max(0, most - used - held)),
        pools=len(found["pools"].split()),
        pairs=len(capability.pairs),
        seen_ms=number(found["seen_ms"]),
        registered_ms=number(found["registered_ms"]),
        instance=found["owner"],
        private=capability.tenant is not None,
        tier=found["tier"],
    )


def _serves(capability: CapabilityClass) -> views.Serves:
    pairs = sorted(capability.pairs)
    return views.Serves(
        services=sorted(capability.services),
        asr=sorted(capability.asr),
        tts=sorted(capability.tts),
        semantic=sorted(capability.semantic),
        pairs=[f"{src}→{tgt}" for src, tgt in pairs[:_MOST_PAIRS]],
        pair_count=len(pairs),
        tenant=capability.tenant,
    )


def _pools(cell: Cell, names: Sequence[str]) -> tuple[list[views.NodePool], int]:
    """Give the node's pools, and the number of jobs that wait for any of them."""
    keys = cell.keys
    asked: list[tuple[str | int, ...]] = []
    for name in names:
        asked += [("SCARD", keys.members(name)), ("ZCARD", keys.pool(name))]
        asked.append(("ZRANGE", keys.pool_waiting(name), 0, _MOST_WAITING - 1))
    replies = cell.store.commands(asked)
    heads = [texts(found) for found in replies[2::3]]
    requirements = sorted({requirement for found in heads for requirement in found})
    counts = cell.store.commands([("ZCARD", keys.waiting(each)) for each in requirements])
    jobs: dict[str, int] = dict(zip(requirements, counts, strict=True))
    pools = [
        views.NodePool(
            pool=name,
            kind=kind_of(name),
            members=members,
            dispatchable=dispatchable,
            waiting=sum(jobs[each] for each in found),
        )
        for name, members, dispatchable, found in zip(names, replies[::3], replies[1::3], heads, strict=True)
    ]
    return pools, sum(jobs.values())


def _hindrances(
    cell: Cell, node: views.Node, found: dict[str, str], now_ms: int, heard_ms: int
) -> list[views.Hindrance]:
    """Give everything that keeps work away now, not only the first that the ledger noted."""
    offline = node.status == "offline"
    away, mute = number(found["away"]), number(found["mute_ms"])
    stale = number(found["stale_ms"])
    silent_ms = now_ms - node.seen_ms
    quarantined = found["drain"] == "quarantine"
    muted = mute > now_ms or now_ms - heard_ms >= cell.settings.presence_ms
    said = [
        ("offline", offline, f"It is offline: {node.reason}."),
        (
            "quarantined",
            quarantined,
            "It is in quarantine." if offline else f"It is in quarantine: {node.reason}.",
        ),
        ("draining", _drains(node, found), _draining(node, found)),
        (
            "status_not_ready",
            node.status in ("registering", "degraded"),
            f"It is {node.status}: {node.reason}.",
        ),
        ("away", not offline and bool(away), "Its socket is closed; it may still come back."),
        (
            "silent",
            not offline and silent_ms > stale,
            f"It was last heard {seconds(silent_ms)} ago; {seconds(stale)} are allowed.",
        ),
        ("instance_silent", not offline and muted, f"Its web process, {node.instance}, is not heard."),
        (
            "breaker_open",
            not offline and _rests(cell, node, found, now_ms),
            _resting(number(found["strikes"]), number(found["breaker_ms"]) - now_ms),
        ),
        (
            "resource_threshold_exceeded",
            not offline and found["overloaded"] == "1",
            _overload(cell, found["usage"]),
        ),
        ("capacity_exceeded", not offline and _is_full(node, found), _full(node.slots, found["held_for"])),
        ("no_pool", not (offline or found["pools"]), _no_pool(node, found)),
    ]
    return [
        views.Hindrance(reason=word, says=says, advice=_advice(word, found))
        for word, holds, says in said
        if holds
    ]


def _advice(word: str, found: dict[str, str]) -> str:
    if word == "draining" and found["drain"] == "node":
        return "Its agent asked for this: it registers anew when it is started again."
    if word == "no_pool" and _is_refused(found):
        return "Make the nodes of this credential alike, or raise MAX_CLASSES."
    return reason(word).advice


def _rests(cell: Cell, node: views.Node, found: dict[str, str], now_ms: int) -> bool:
    """Whether its breaker is open: after its rest, one job at a time shows whether it works again."""
    if number(found["strikes"]) < cell.settings.breaker_failures:
        return False
    return number(found["breaker_ms"]) > now_ms or node.slots.used > 0


def _resting(strikes: int, left_ms: int) -> str:
    if left_ms > 0:
        return f"It rests {seconds(left_ms)} more after {strikes} failures in a row."
    return f"After {strikes} failures in a row it is tried with one job at a time."


def _is_full(node: views.Node, found: dict[str, str]) -> bool:
    return node.slots.free < 1 or bool(found["held_for"])


def _drains(node: views.Node, found: dict[str, str]) -> bool:
    """Whether it drains, or will when it comes back: an operator's wish outlasts the connection."""
    wished = node.status == "offline" and found["drain"] == "operator"
    return wished or (node.status == "draining" and found["drain"] != "quarantine")


def _draining(node: views.Node, found: dict[str, str]) -> str:
    by = "an operator's" if found["drain"] == "operator" else "its own"
    return (
        f"It drains by {by} wish: {node.reason}."
        if node.status == "draining"
        else (f"It drains by {by} wish when it comes back.")
    )


def _overload(cell: Cell, usage: str) -> str:
    stated = json.loads(usage or "{}")
    parts = [
        f"{name.removesuffix('_percent').replace('_', ' ')} {value:.0f} %"
        for name, value in stated.items()
        if name.endswith("_percent") and value >= cell.settings.resource_threshold
    ]
    limit = f"the threshold is {cell.settings.resource_threshold:.0f} %"
    return f"It is overloaded: {', '.join(parts) or 'a resource is above its threshold'}; {limit}."


def _full(slots: views.Slots, held_for: str) -> str:
    if held_for:
        return f"Its free slots are kept for job {held_for}, which needs several at once."
    held = f", {slots.held} held by other work" if slots.held else ""
    return f"No slot of {slots.most} is free: {slots.used} in use by our jobs{held}."


def _is_refused(found: dict[str, str]) -> bool:
    """Whether its class was not made because its credential has too many already."""
    return bool(found["refused"]) and found["refused"] == found["class"]


def _no_pool(node: views.Node, found: dict[str, str]) -> str:
    if _is_refused(found):
        return "It stands in no pool: nodes of its credential have too many different sets of capabilities."
    what = "serves no language pair" if not node.pairs else "is of a new class whose pool is being made"
    return f"It stands in no pool: it {what}."


def _sentence(node: views.Node, hindrances: Sequence[views.Hindrance], waiting: int) -> str:
    if hindrances:
        words = ", ".join(item.reason for item in hindrances)
        return f"It gets no new work: {words}."
    if waiting:
        return f"It takes work, and {waiting} jobs wait for its pools."
    return f"It takes work: {node.slots.free} of {node.slots.most} slots are free, and no job waits for it."


def seconds(ms: int) -> str:
    """Say a duration as a reader does: ``0.4 s``, ``12 s``."""
    return f"{ms / 1000:.1f} s" if ms < 10_000 else f"{ms / 1000:.0f} s"
