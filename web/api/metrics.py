"""Counters for machines, as JSON: of the cell, and of the process that answers."""

from dataclasses import asdict
from typing import Any

from scheduling.explain.views import View
from scheduling.totals import read_totals
from web.api import fleet_views as views
from web.background import Background, read_background
from web.dispatcher import Dispatcher
from web.service_catalog import CatalogState
from web.tallies import efficiencies
from web.timing import link_summary


class UsageTotals(View):
    """What was accepted, and how much of it has a result."""

    audio_ms: int
    utterances: int
    results: int


class CellMetrics(View):
    """Of the whole cell, since it was opened."""

    jobs: dict[str, int]
    nodes: dict[str, int]
    slots: views.SlotTotals
    waiting: int
    dead: int
    """Dead letters now."""
    job_latency_classes_ms: dict[str, int]
    """Jobs done by the upper bound of their duration, ms."""


class ProcessMetrics(Background):
    """Of this process, since its start."""

    instance_id: str
    flows: dict[str, dict[str, float]]
    link: dict[str, Any]
    refused: dict[str, int]
    limits: dict[str, int]
    """What limits refused or held back, by the name of the limit (docs/limits.md)."""
    usage: UsageTotals
    """Of all tenants."""
    stale_messages: int
    cuts: dict[str, int]
    """Utterances cut from streams, by what ended them."""
    reruns: dict[str, int]
    """What the totals of the nodes connected here have grown by."""
    quality: dict[str, int]
    """Results by the quality their node stated: good, suspect, bad, other; ``rerun`` took several tries."""
    language_probability: list[int]
    """Results by how sure their node was of the language: 0 to 0.2, to 0.4, to 0.6, to 0.8, to 1."""
    service_efficiencies: dict[str, float]
    """Seconds of audio per second of work, the mean of the nodes connected here; 20 services at most."""


class Metrics(View):
    """Counters of the cell and of one process."""

    now_ms: int
    cell: CellMetrics
    process: ProcessMetrics
    model_not_available: dict[str, int]
    """Services that nodes connected here are marked to lack now."""
    service_catalog: CatalogState


def read_metrics(dispatcher: Dispatcher) -> Metrics:
    """Read all counters. Raises `StoreError`."""
    totals = read_totals(dispatcher.ledger.cell)
    return Metrics(
        now_ms=totals.now_ms,
        process=_process(dispatcher),
        cell=CellMetrics(
            jobs=dict(totals.jobs),
            nodes=dict(totals.by_status),
            slots=views.SlotTotals(total=totals.slots, used=totals.slots_used),
            waiting=totals.waiting,
            dead=totals.dead,
            job_latency_classes_ms={f"{1.15**at:.0f}": n for at, n in sorted(totals.latency.items())},
        ),
        model_not_available=dispatcher.presence.marked(),
        service_catalog=dispatcher.services.state,
    )


def _process(dispatcher: Dispatcher) -> ProcessMetrics:
    tallies = dispatcher.node_messages.tallies
    return ProcessMetrics(
        instance_id=dispatcher.instance,
        flows=dispatcher.timings.summary(),
        link=link_summary(dispatcher.store.stats),
        refused=dict(dispatcher.presence.describe().refused),
        limits=dict(dispatcher.limiter.refused),
        usage=UsageTotals(**asdict(dispatcher.usage.totals)),
        stale_messages=dispatcher.node_messages.stale,
        cuts=dict(dispatcher.sessions.cuts),
        reruns=dict(tallies.reruns),
        quality=dict(tallies.quality),
        language_probability=tallies.language_probability,
        service_efficiencies=efficiencies(list(dispatcher.peers.nodes.values())),
        **dict(read_background(dispatcher)),
    )
