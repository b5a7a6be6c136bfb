"""Which nodes could do a job of a requirement, and what keeps the others from it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scheduling.capability import CapabilityClass
from scheduling.catalog import Catalog, read_pools
from scheduling.explain import views
from scheduling.explain.heads import LOOKS, next_node
from scheduling.explain.reading import SAMPLE, estimate_ms, kind_of, number, read_cell, texts
from scheduling.explain.words import CLASS_REASONS, NODE_REASONS
from scheduling.ledger import Cell
from scheduling.ledger.cell import text
from scheduling.messages import PipelineConfig
from scheduling.pools import Links, links_for, why_not
from scheduling.requirement import Requirement, requirement_for


def explain_pair(
    cell: Cell,
    src: str,
    tgt: str,
    services: Iterable[str],
    tenant: str | None = None,
    auto_langs: Sequence[str] = (),
    avoid: str = "",
) -> views.PairExplanation:
    """Explain what would become of a job now that avoids a node, or none. Raises `StoreError`."""
    catalog = read_pools(cell.store, cell.keys)
    asked = frozenset(services)
    pipeline = PipelineConfig.model_validate(
        {f"use_{name}": name in asked for name in ("asr", "nmt", "tts", "semantic", "tone")}
    )
    requirement = requirement_for(
        src,
        tgt,
        pipeline,
        tenant if tenant in catalog.tenants else None,
        auto_langs,
        known=catalog.heard,
        require_semantic="semantic" in asked,
    )
    return explain_requirement(cell, requirement, catalog, avoid=avoid)


def explain_requirement(
    cell: Cell, requirement: Requirement, catalog: Catalog | None = None, slots: int = 0, avoid: str = ""
) -> views.PairExplanation:
    """Explain what would become of a job with this requirement now. Raises `StoreError`.

    It takes ``slots`` of a node other than ``avoid``; 0 stands for what its services cost by the settings.
    """
    catalog = catalog or read_pools(cell.store, cell.keys)
    links = links_for(catalog.classes, requirement, catalog.file)
    _, counters = read_cell(cell)
    keys = cell.keys
    linked, waiting = cell.store.commands(
        [
            ("SMEMBERS", keys.requirement_pools(requirement.requirement_id)),
            ("ZCARD", keys.waiting(requirement.requirement_id)),
        ]
    )
    pools = _in_order(texts(linked), links)
    seen = _look(cell, pools)
    excluded = [*_by_state(seen), *_by_class(cell, catalog.classes, requirement, links)]
    heads = {pool: [head for head in one.heads if head[1] != avoid] for pool, one in seen.items()}
    slots = slots or cell.settings.slots_for(requirement.services)
    node = next_node(cell, heads, f"req-{requirement.requirement_id}", slots)
    considered = [
        views.ConsideredPool(
            pool=pool, kind=kind_of(pool), members=one.members, dispatchable=one.dispatchable
        )
        for pool, one in seen.items()
    ]
    queue = views.Queue(
        waiting=waiting,
        waiting_in_cell=number(counters["waiting"]),
        most=number(counters["max_waiting"]),
        estimate_ms=estimate_ms(waiting, waiting + 1, counters) if node is None else 0,
    )
    outcome = _outcome(node, considered, queue)
    return views.PairExplanation(
        requirement=_view(requirement, slots),
        outcome=outcome,
        sentence=_sentence(outcome, requirement, slots, node, considered, excluded, queue),
        node=node,
        pools=considered,
        excluded=excluded,
        queue=queue,
    )


class _Seen:
    """One pool: its counts, its least loaded nodes, and its nodes by reason."""

    def __init__(self, replies: Sequence[Any]) -> None:
        self.members, self.dispatchable, heads = replies[:3]
        self.heads = [(float(score), text(node)) for node, score in zip(heads[::2], heads[1::2], strict=True)]
        counts, samples = replies[3::2], replies[4::2]
        self.why = {
            word: (count, texts(sample))
            for word, count, sample in zip(NODE_REASONS, counts, samples, strict=True)
            if count
        }


def _look(cell: Cell, pools: Sequence[str]) -> dict[str, _Seen]:
    """Read all pools in one round trip; 32 of them at most."""
    keys = cell.keys
    asked: list[tuple[str | int, ...]] = []
    for pool in pools:
        asked += [("SCARD", keys.members(pool)), ("ZCARD", keys.pool(pool))]
        asked.append(("ZRANGE", keys.pool(pool), 0, LOOKS - 1, "WITHSCORES"))
        for word in NODE_REASONS:
            name = keys.pool_why(pool, word)
            asked += [("SCARD", name), ("SRANDMEMBER", name, SAMPLE)]
    replies = cell.store.commands(asked)
    width = len(asked) // len(pools) if pools else 1
    return {pool: _Seen(replies[at * width : (at + 1) * width]) for at, pool in enumerate(pools)}


def _in_order(linked: Sequence[str], links: Links) -> list[str]:
    """Give the pools in force, preferred first; those computed now where the requirement is unknown."""
    if not linked:
        # A pool of its own is made when the first job asks: until then its classes themselves serve.
        classes = [name for pool in links.pools for name in links.gathered.get(pool, (pool,))]
        return classes[:32]
    place = {pool: at for at, pool in enumerate(links.pools)}
    return sorted(linked, key=lambda pool: (place.get(pool, len(place)), pool))


def _by_class(
    cell: Cell, classes: Mapping[str, CapabilityClass], requirement: Requirement, links: Links
) -> list[views.Excluded]:
    """Count the nodes whose class does not serve the requirement, by the first check that fails."""
    serving = {*links.pools, *(name for names in links.gathered.values() for name in names)}
    others = [name for name in classes if name not in serving]
    asked: list[tuple[str | int, ...]] = []
    for name in others:
        asked += [
            ("SCARD", cell.keys.members(name)),
            ("SRANDMEMBER", cell.keys.members(name), SAMPLE),
        ]
    replies = cell.store.commands(asked)
    counts: Counter[str] = Counter()
    samples: dict[str, list[str]] = defaultdict(list)
    for name, count, sample in zip(others, replies[::2], replies[1::2], strict=True):
        # One that could do it and is not chosen is kept away by the operator's file.
        word = str(why_not(classes[name], requirement) or "not_in_public_pool")
        counts[word] += count
        samples[word] += texts(sample)
    return [
        views.Excluded.of(word, counts[word], samples[word][:SAMPLE])
        for word in CLASS_REASONS
        if counts[word]
    ]


def _by_state(seen: Mapping[str, _Seen]) -> list[views.Excluded]:
    """Sum up what keeps work from the nodes that could do it."""
    found = []
    for word in NODE_REASONS:
        entries = [pool.why[word] for pool in seen.values() if word in pool.why]
        if entries:
            sample = [node for _, nodes in entries for node in nodes]
            found.append(views.Excluded.of(word, sum(count for count, _ in entries), sample[:SAMPLE]))
    return found


def _outcome(node: str | None, pools: Sequence[views.ConsideredPool], queue: views.Queue) -> str:
    if node is not None:
        return "placed"
    room = queue.waiting_in_cell < queue.most
    return "waits" if room and any(pool.members for pool in pools) else "refused"


def _sentence(
    outcome: str,
    requirement: Requirement,
    slots: int,
    node: str | None,
    pools: Sequence[views.ConsideredPool],
    excluded: Sequence[views.Excluded],
    queue: views.Queue,
) -> str:
    able = sum(pool.members for pool in pools)
    free = sum(pool.dispatchable for pool in pools)
    if outcome == "placed":
        others = (
            f"; {_nodes(free)} of {able} would take it" if slots == 1 else f", which has {slots} free slots"
        )
        return f"A job would be placed at once, on node {node}{others}."
    if outcome == "waits":
        lack = f"none has {slots} slots free, as it needs" if free else "none takes work now"
        already = f" {_wait(queue.waiting)} for it already." if queue.waiting else ""
        return f"A job would wait: {_nodes(able)} can do {requirement.words}, {lack}.{already}"
    if able:
        return f"A job would be refused: {_wait(queue.waiting_in_cell)} already, as many as may."
    if pools:
        return f"A job would be refused: no node for {requirement.words} is connected now."
    known = sum(item.nodes for item in excluded)
    return (
        f"A job would be refused: none of {_nodes(known)} can do {requirement.words}."
        if known
        else ("A job would be refused: no node is connected.")
    )


def _nodes(count: int) -> str:
    return f"{count} node" if count == 1 else f"{count} nodes"


def _wait(count: int) -> str:
    return "1 waits" if count == 1 else f"{count} wait"


def _view(requirement: Requirement, slots: int) -> views.Requirement:
    return views.Requirement(
        requirement_id=requirement.requirement_id,
        words=requirement.words,
        services=sorted(requirement.services),
        tenant=requirement.tenant,
        auto_langs=list(requirement.auto_langs),
        slots=slots,
    )
