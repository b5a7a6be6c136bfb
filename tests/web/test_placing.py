from typing import Any

import pytest

from scheduling.catalog import Catalog, read_pools
from scheduling.keys import Keys
from scheduling.ledger import Ledger
from scheduling.store.plain import PlainStore
from tests.lua.world import CLASSES, POOLS, World, reservation
from tests.scheduling.test_pooling import EN_PT, PT, speech
from web.limiter import Limiter
from web.placing import Placer
from web.restoring import Restorer
from web.timing import Timings
from web.usage import UsageBook


class Interleaved(PlainStore):
    """Lets something happen while a command is under way, as another greenlet would."""

    meanwhile: Any = None

    def command(self, *parts: Any, **options: Any) -> Any:
        reply = super().command(*parts, **options)
        if self.meanwhile:
            self.meanwhile()
        return reply


def placer_of(ledger: Ledger, restorer: Restorer) -> Placer:
    """Make one whose bodies and nodes are not reached."""
    limiter, usage = Limiter(ledger.cell.settings), UsageBook(ledger, "web1")
    return Placer(ledger, None, None, "web1", Timings(), restorer, limiter, usage)  # type: ignore[arg-type]


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
        restorer = Restorer(ledger, "web1")
        placer = placer_of(ledger, restorer)
        interleaved.meanwhile = lambda: placer.swap_catalog(read_pools(store, Keys("0")))
        assert placer.catalog == Catalog()
        assert placer._pools(PT) == [EN_PT.class_id]


def test_a_job_finds_the_node_that_was_made_ready_since_this_process_looked(
    store: PlainStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one class this process knew had lost its last node, while one of another class had come: "no node
    is connected" was said until the next sweep.
    """
    former, newer = EN_PT, speech("en", "pt", "fr")
    monkeypatch.setitem(CLASSES, "A", former)
    monkeypatch.setitem(CLASSES, "B", newer)
    monkeypatch.setitem(POOLS, "A", former.class_id)
    monkeypatch.setitem(POOLS, "B", newer.class_id)
    world = World(store)
    world.ready("n1")
    world.open()
    restorer = Restorer(world.ledger, "web1")
    placer = placer_of(world.ledger, restorer)
    placer.swap_catalog(read_pools(store, world.keys))
    world.ledger.nodes.offline("n1", "so-n1", "gone", 0)
    store.command("DEL", f"{world.keys.prefix}poolgone:{former.class_id}")
    world.ready("n2", klass="B")
    asked = reservation("j1", requirement=PT, pools=placer.catalog.pools_for(PT), version=1)
    placed = placer._reserve_afresh(None, asked)  # type: ignore[arg-type]  # its session is open
    assert (placed.state, placed.node_id) == ("dispatched", "n2")
