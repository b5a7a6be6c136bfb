"""Whose turn it is to be tried, and on what: by how long ago that was, and by the trust tier of the node."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from random import SystemRandom

from scheduling.canary import Recording, next_node
from scheduling.catalog import Catalog
from scheduling.ledger import Ledger
from scheduling.ledger.canaries import KEPT_MS
from scheduling.ledger.cell import text
from scheduling.messages import PipelineConfig
from scheduling.requirement import requirement_for

#: Nodes of a pool among which the next one is chosen.
_MOST_NODES = 10_000
#: Nodes whose records are read in one round trip.
_AT_ONCE = 500
SERVICES = PipelineConfig(use_asr=True, use_nmt=True, use_tts=True)


class CanaryTurns:
    """Chooses among the nodes that have a free slot. All methods raise `StoreError`."""

    def __init__(self, ledger: Ledger, catalog: Callable[[], Catalog]) -> None:
        self._ledger = ledger
        self._settings = ledger.cell.settings
        self._catalog = catalog
        # Nobody may foresee which of his jobs will be the canary.
        self._chance = SystemRandom()

    def choose(self, recordings: Sequence[Recording]) -> tuple[Recording, str] | None:
        """Give a recording, and the node that is to be tried on it; None when no node can take one."""
        nodes = self._serving(recordings)
        weights = {name: self._settings.canary_weight(tier) for name, tier in self._tiers(nodes)}
        return self._next(nodes, {name: weight for name, weight in weights.items() if weight})

    def choose_control(self, recording: Recording, besides: str) -> tuple[Recording, str] | None:
        """Give a node other than the one that was wrong, to see whether the recording is at fault.

        It is the one that was not tried for longest, as those of trusted tiers are: they are tried seldom.
        """
        nodes = self._serving([recording])
        weights = {
            name: 1
            for name, tier in self._tiers(nodes)
            if name != besides and self._settings.canary_weight(tier)
        }
        return self._next(nodes, weights)

    def tier_of(self, node_id: str) -> str:
        """Give the trust tier of a node, "" for none."""
        return text(self._ledger.cell.store.command("HGET", self._ledger.keys.node(node_id), "tier"))

    def _next(
        self, nodes: dict[str, list[Recording]], weights: dict[str, int]
    ) -> tuple[Recording, str] | None:
        tried, now_ms = self._tried(list(weights)), time.time() * 1000
        node_id = next_node(weights, tried, now_ms, self._chance)
        if not node_id:
            return None
        key = self._ledger.keys.canary_tried
        self._ledger.cell.store.commands(
            [
                ("ZADD", key, round(now_ms), node_id),
                ("ZREMRANGEBYSCORE", key, "-inf", round(now_ms - KEPT_MS)),
                ("PEXPIRE", key, KEPT_MS),
            ]
        )
        return self._chance.choice(nodes[node_id]), node_id

    def _serving(self, recordings: Sequence[Recording]) -> dict[str, list[Recording]]:
        """Give the nodes that have a free slot, and what each of them can be tried on."""
        catalog, keys = self._catalog(), self._ledger.keys
        asked: list[tuple[str | int, ...]] = []
        asks: list[Recording] = []
        for recording in recordings:
            requirement = requirement_for(recording.source, recording.target, SERVICES, known=catalog.heard)
            for pool in catalog.pools_for(requirement):
                asked.append(("ZRANGE", keys.pool(pool), 0, _MOST_NODES - 1))
                asks.append(recording)
        nodes: dict[str, list[Recording]] = {}
        for recording, found in zip(
            asks, self._ledger.cell.store.commands(asked) if asked else [], strict=True
        ):
            for name in found:
                nodes.setdefault(text(name), []).append(recording)
        return nodes

    def _tiers(self, nodes: dict[str, list[Recording]]) -> Iterator[tuple[str, str]]:
        keys, store = self._ledger.keys, self._ledger.cell.store
        for names in _slices(list(nodes)):
            found = store.commands([("HGET", keys.node(name), "tier") for name in names])
            yield from ((name, text(tier)) for name, tier in zip(names, found, strict=True))

    def _tried(self, names: Sequence[str]) -> dict[str, float]:
        """Give when each of these was tried last (ms), without those that never were."""
        key, store = self._ledger.keys.canary_tried, self._ledger.cell.store
        scores = [score for some in _slices(names) for score in store.command("ZMSCORE", key, *some)]
        return {name: float(score) for name, score in zip(names, scores, strict=True) if score is not None}


def _slices(names: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(names)
    while some := list(islice(rest, _AT_ONCE)):
        yield some
