"""The fleet in numbers: totals of the cell and of its processes, never a look at every node."""

from collections import Counter
from collections.abc import Iterable, Mapping

from scheduling.catalog import Catalog
from scheduling.instances import Instance, Power, Usage, read_instances
from scheduling.pools import served_pairs
from scheduling.totals import Totals, quantile_ms, read_totals
from web.api import fleet_views as views
from web.dispatcher import Dispatcher

_MOST_PAIRS = 1000
_TOP = 10
_ONLINE_MS = 10_000


class Languages:
    """What can be asked for, worked out anew when the pools have changed."""

    def __init__(self) -> None:
        self._catalog: Catalog | None = None
        self._known = views.Languages(pairs=[], pair_count=0, languages=[], services={})

    def of(self, catalog: Catalog) -> views.Languages:
        """Give the languages of public nodes in these pools."""
        if catalog is not self._catalog:
            self._catalog, self._known = catalog, _languages(catalog)
        return self._known


def _languages(catalog: Catalog) -> views.Languages:
    public = [cls for cls in catalog.classes.values() if cls.tenant is None]
    pairs = sorted(served_pairs(catalog.classes))
    services = {
        "asr": frozenset().union(*(cls.asr for cls in public)),
        "nmt": frozenset().union(*(langs for cls in public for block in cls.blocks for langs in block)),
        "tts": frozenset().union(*(cls.tts for cls in public)),
        "semantic": frozenset().union(*(cls.semantic for cls in public)),
    }
    return views.Languages(
        pairs=[views.Pair(src=src, tgt=tgt) for src, tgt in pairs[:_MOST_PAIRS]],
        pair_count=len(pairs),
        languages=sorted({language for pair in pairs for language in pair}),
        services={name: sorted(found) for name, found in services.items()},
    )


def read_stats(dispatcher: Dispatcher) -> views.Stats:
    """Read everything that is counted. Raises `StoreError`."""
    totals = read_totals(dispatcher.ledger.cell)
    instances = [one for one, heard in read_instances(dispatcher.ledger.cell) if _lives(heard, totals)]
    first, last, span_s = dispatcher.presence.window()
    clients = _clients(instances)
    services = dispatcher.services.entries
    return views.Stats(
        now_ms=totals.now_ms,
        nodes=_nodes(totals, instances),
        slots=views.SlotTotals(total=totals.slots, used=totals.slots_used),
        waiting=totals.waiting,
        sessions=clients.active_users,
        rooms=totals.rooms,
        dead=totals.dead,
        jobs=dict(totals.jobs),
        rates=_rates(first, last, span_s),
        latency_ms={"job": _latency(first, last), **_flows(dispatcher.timings.summary())},
        web_clients=clients,
        available_services=[entry.model_dump() for entry in services],
        total_services=len(services),
    )


def _nodes(totals: Totals, instances: list[Instance]) -> views.FleetNodes:
    power = Power(
        cpu=round(sum(one.power.cpu for one in instances), 2),
        gpu=round(sum(one.power.gpu for one in instances), 2),
        memory=round(sum(one.power.memory for one in instances), 2),
    )
    return views.FleetNodes(
        online=totals.online,
        ready=totals.by_status["ready"],
        by_status=dict(totals.by_status),
        type_node_counts=_sum(one.services for one in instances),
        type_in_use_counts=_sum(one.services_in_use for one in instances),
        compute_power=views.ComputePower.of(power),
        pools=totals.pools,
    )


def _clients(instances: list[Instance]) -> views.WebClients:
    sources = _sum({name: use.as_source for name, use in one.languages.items()} for one in instances)
    targets = _sum({name: use.as_target for name, use in one.languages.items()} for one in instances)
    both = Counter(sources) + Counter(targets)
    return views.WebClients(
        active_users=sum(one.sessions for one in instances),
        top_languages=[
            views.LanguageCount(language=name, count=count) for name, count in both.most_common(_TOP)
        ],
        language_usage={
            name: Usage(as_source=sources.get(name, 0), as_target=targets.get(name, 0)) for name in both
        },
    )


def _rates(first: Totals, last: Totals, span_s: float) -> dict[str, float]:
    if span_s <= 0:
        return {}
    # A cell that was flushed meanwhile counts from 0 again.
    return {
        name: round(max(0, count - first.jobs.get(name, 0)) / span_s, 2) for name, count in last.jobs.items()
    }


def _latency(first: Totals, last: Totals) -> views.Latency:
    lately = {index: max(0, count - first.latency.get(index, 0)) for index, count in last.latency.items()}
    return views.Latency(
        count=sum(lately.values()), p50=quantile_ms(lately, 0.50), p99=quantile_ms(lately, 0.99)
    )


def _flows(summary: Mapping[str, Mapping[str, float]]) -> dict[str, views.Latency]:
    return {
        flow: views.Latency(count=int(found["count"]), p50=found["p50_ms"], p99=found["p99_ms"])
        for flow, found in summary.items()
    }


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _lives(heard_ms: int, totals: Totals) -> bool:
    return totals.now_ms - heard_ms < _ONLINE_MS
