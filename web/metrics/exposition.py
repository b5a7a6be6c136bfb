"""The text that Prometheus reads, from readings of this process, of the others and of the cell."""

import logging
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from scheduling.errors import StoreError
from scheduling.metrics import DEFINITIONS, Reading
from scheduling.metrics.definitions import Definition
from scheduling.metrics.reading import Value, bounds_of
from web.api.autoscaling import read_autoscaling
from web.dispatcher import Dispatcher
from web.metrics.cell import note_cell, read_cell

_log = logging.getLogger(__name__)


class Exposition:
    """Answers for all processes of the cell, whichever of them is asked.

    Several web processes stand behind one port, and a scrape meets any of them. So each tells the ledger once
    a second what it counts (`scheduling.metrics.announced`), along with its presence. The one that is asked
    reads itself afresh and the others as they told last. Without the ledger it answers for itself alone.
    """

    def __init__(self, dispatcher: Dispatcher, measure: Callable[[], Reading]) -> None:
        self._dispatcher = dispatcher
        self._measure = measure

    def text(self, accept: str) -> tuple[bytes, str]:
        """Give the text and its content type, in the format that the reader prefers."""
        encode, content_type = choose_encoder(accept)
        return encode(_Collected(families(*self._read()))), content_type

    def _read(self) -> tuple[Reading, Mapping[str, Reading]]:
        dispatcher, cell = self._dispatcher, Reading()
        told: dict[str, Reading] = {}
        cell.set("lock_wait_seconds", 0)
        try:
            found = read_cell(dispatcher.ledger.cell)
            note_cell(cell, dispatcher.ledger.cell, dispatcher.body_store, found)
            wanted = read_autoscaling(dispatcher, found)
            cell.set("wanted_slots", wanted.slots.wanted)
            cell.set("wanted_processes", wanted.web_processes.wanted, "web")
            for queue, workers in wanted.workers.items():
                cell.set("wanted_processes", workers.wanted, queue)
            told |= found.told
        except StoreError as error:
            _log.warning("this scrape is of this process alone: %s", error)
            cell = Reading()
            cell.set("lock_wait_seconds", 0)
            cell.set("ledger_up", 0)
        else:
            cell.set("ledger_up", 1)
        return cell, told | {dispatcher.instance: self._measure()}


class _Collected(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def families(cell: Reading, processes: Mapping[str, Reading]) -> list[Metric]:
    """Put the samples of all readings together by series; series without a sample are left out."""
    found: dict[str, Metric] = {}
    for definition, labels, value in cell:
        _add(found, definition, labels, value)
    for process, reading in processes.items():
        for definition, labels, value in reading:
            if definition.scope != "cell":
                _add(found, definition, [*labels, process], value)
    return [found[name] for name in DEFINITIONS if name in found]


def _add(found: dict[str, Metric], definition: Definition, values: list[str], value: Value) -> None:
    name = (
        definition.full_name.removesuffix("_total") if definition.kind == "counter" else definition.full_name
    )
    family = found.get(definition.name)
    if family is None:
        family = found[definition.name] = Metric(name, f"{definition.help}.", definition.kind)
    labels = dict(zip(definition.all_labels, values, strict=True))
    if isinstance(value, list):
        *counts, total, summed = value
        for bound, count in zip(bounds_of(definition), counts, strict=True):
            family.add_sample(f"{name}_bucket", {**labels, "le": _le(bound)}, count)
        family.add_sample(f"{name}_bucket", {**labels, "le": "+Inf"}, total)
        family.add_sample(f"{name}_count", labels, total)
        family.add_sample(f"{name}_sum", labels, summed)
    else:
        family.add_sample(definition.full_name if definition.kind == "counter" else name, labels, value)


def _le(bound_s: float) -> str:
    """Write a bound as short as tells it apart."""
    return f"{bound_s:.4g}"
