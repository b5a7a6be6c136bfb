"""Bounded looks at the whole: a page of nodes, of pools, of living jobs."""

from collections.abc import Sequence

from scheduling.catalog import Catalog, read_class_pools, read_pools
from scheduling.explain import views
from scheduling.explain.job import JOB_FIELDS, job_view
from scheduling.explain.node import NODE_FIELDS, node_view
from scheduling.explain.paging import next_cursor, read_cursor, scored
from scheduling.explain.reading import kind_of, number, read_cell, record
from scheduling.explain.words import NODE_REASONS
from scheduling.ledger import Cell

_SAMPLE_PAIRS = 6
#: Entries of the index of deadlines looked at for one page: nodes stand there as well as jobs.
_MOST_LOOKS = 1000


def node_page(cell: Cell, limit: int, cursor: str = "") -> views.NodePage:
    """Give connected nodes, the longest silent first, so that a walk misses none while they move.

    A node that is heard meanwhile may be met twice. Raises `BadCursor` and `StoreError`.
    """
    start, skip = read_cursor(cursor)
    keys = cell.keys
    found, total = cell.store.commands(
        [
            ("ZRANGE", keys.nodes, start, "+inf", "BYSCORE", "LIMIT", skip, limit + 1, "WITHSCORES"),
            ("ZCARD", keys.nodes),
        ]
    )
    entries = scored(found)
    page, following = entries[:limit], entries[limit:]
    now_ms, _ = read_cell(cell)
    return views.NodePage(
        now_ms=now_ms,
        nodes=_read_nodes(cell, [node for node, _ in page]),
        total=total,
        next_cursor=next_cursor(page, start, skip) if following else None,
    )


def _read_nodes(cell: Cell, node_ids: Sequence[str]) -> list[views.Node]:
    asked: list[tuple[str, ...]] = []
    for node_id in node_ids:
        asked += [("HMGET", cell.keys.node(node_id), *NODE_FIELDS), ("ZCARD", cell.keys.leases(node_id))]
    replies = cell.store.commands(asked)
    records = [record(NODE_FIELDS, values) for values in replies[::2]]
    return [
        node_view(node_id, found, used)
        for node_id, found, used in zip(node_ids, records, replies[1::2], strict=True)
        if found["status"]
    ]


def job_page(cell: Cell, limit: int, cursor: str = "", state: str = "") -> views.JobPage:
    """Give living jobs, the next deadline first, of one state if it is given.

    A page may hold fewer than ``limit`` although there are more: then it has a cursor. Raises `BadCursor`
    and `StoreError`.
    """
    start, skip = read_cursor(cursor)
    found = cell.store.command(
        "ZRANGE", cell.keys.deadlines, start, "+inf", "BYSCORE", "LIMIT", skip, _MOST_LOOKS, "WITHSCORES"
    )
    entries = scored(found)
    names = [member[2:] for member, _ in entries if member.startswith("j|")]
    records = cell.store.commands([("HMGET", cell.keys.job(name), *JOB_FIELDS) for name in names])
    jobs: dict[str, views.Job] = {}
    for name, values in zip(names, records, strict=True):
        fields = record(JOB_FIELDS, values)
        if fields["state"] and state in ("", fields["state"]):
            jobs[name] = job_view(name, fields)
    shown = list(jobs)[:limit]
    more = len(jobs) > limit or len(entries) == _MOST_LOOKS
    last = f"j|{shown[-1]}" if len(jobs) > limit else entries[-1][0] if entries else ""
    through = next((at for at, (member, _) in enumerate(entries) if member == last), -1)
    now_ms, counters = read_cell(cell)
    return views.JobPage(
        now_ms=now_ms,
        jobs=[jobs[name] for name in shown],
        waiting=number(counters["waiting"]),
        next_cursor=next_cursor(entries[: through + 1], start, skip) if more else None,
    )


def pool_list(cell: Cell, limit: int) -> views.PoolPage:
    """Give the pools, those with most nodes first. Raises `StoreError`."""
    catalog = read_pools(cell.store, cell.keys)
    standing = read_class_pools(cell.store, cell.keys)
    names = sorted({*catalog.classes, *(pool for pools in standing.values() for pool in pools.split())})
    counts = cell.store.commands([("SCARD", cell.keys.members(name)) for name in names])
    largest = sorted(zip(names, counts, strict=True), key=lambda item: (-item[1], item[0]))[:limit]
    asked: list[tuple[str, ...]] = []
    for name, _ in largest:
        asked += [("ZCARD", cell.keys.pool(name)), ("ZCARD", cell.keys.pool_waiting(name))]
        asked += [("SCARD", cell.keys.pool_why(name, word)) for word in NODE_REASONS]
    replies = cell.store.commands(asked)
    width = 2 + len(NODE_REASONS)
    pools = [
        _pool(catalog, name, members, replies[at * width : (at + 1) * width])
        for at, (name, members) in enumerate(largest)
    ]
    return views.PoolPage(version=catalog.version, pools=pools, total=len(names))


def _pool(catalog: Catalog, name: str, members: int, counts: Sequence[int]) -> views.Pool:
    capability = catalog.classes.get(name)
    configured = next((pool for pool in catalog.file.pools if pool.pool == name), None)
    services = capability.services if capability else configured.required_services if configured else ()
    pairs = sorted(capability.pairs) if capability else []
    return views.Pool(
        pool=name,
        kind=kind_of(name),
        services=sorted(services),
        pairs=len(pairs),
        sample_pairs=[f"{src}→{tgt}" for src, tgt in pairs[:_SAMPLE_PAIRS]],
        tenant=capability.tenant if capability else None,
        members=members,
        dispatchable=counts[0],
        excluded={word: count for word, count in zip(NODE_REASONS, counts[2:], strict=True) if count},
        waiting=counts[1],
    )
