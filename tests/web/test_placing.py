from typing import Any

import pytest

from scheduling.catalog import Catalog, read_pools
from scheduling.keys import Keys
from scheduling.store.plain import PlainStore
from tests.lua.world import CLASSES, POOLS, World
from tests.scheduling.test_pooling import EN_PT, PT
from web.placing import Placer
from web.timing import Timings


class Interleaved(PlainStore):
    """Lets something happen while a command is under way, as another greenlet would."""

    meanwhile: Any = None

    def command(self, *parts: Any, **options: Any) -> Any:
        reply = super().command(*parts, **options)
        if self.meanwhile:
            self.meanwhile()
        return reply


def test_a_catalog_swapped_in_meanwhile_is_looked_at(
    store: PlainStore, valkey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pools were missing from the catalog; while their version was asked for, the sweeper swapped in the
    newer catalog. The versions agreed, so nothing was looked up again, and the language pair was refused.
    """
    monkeypatch.setitem(CLASSES, "A", EN_PT)
    monkeypatch.setitem(POOLS, "A", EN_PT.class_id)
    World(store).ready("n1")
    with Interleaved(valkey.url) as interleaved:
        ledger = World(interleaved).ledger
        placer = Placer(ledger, None, None, "web1", Timings())  # type: ignore[arg-type]  # neither is reached
        interleaved.meanwhile = lambda: placer.swap_catalog(read_pools(store, Keys("0")))
        assert placer.catalog == Catalog()
        assert placer._pools(PT) == [EN_PT.class_id]
