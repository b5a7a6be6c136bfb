"""Entries of an out stream are numbered without a gap, and a record made anew never goes back."""

from scheduling.delivery import precedes
from scheduling.ledger.cell import text
from scheduling.ledger.sessions import ReadyResult
from tests.lua.world import World


def test_entries_are_counted_over_all_languages(world: World) -> None:
    world.open()
    assert [_number(each) for each in _released(world, "pt", 0, 1) + _released(world, "de", 0)] == [1, 2, 3]


def test_a_record_made_anew_goes_on_behind_the_former_one(world: World) -> None:
    world.open()
    before = _released(world, "pt", 0, 1)[-1]
    world.store.command("DEL", world.keys.session("s"), world.keys.out("s"))
    world.go(1)
    world.open()
    after = _released(world, "pt", 0)[-1]
    assert _number(after) == 1
    assert not precedes(after, before)


def _released(world: World, tgt: str, *orders: int) -> list[str]:
    """Release results of one language; gives the ids of their entries."""
    for order in orders:
        world.ledger.sessions.store(
            ReadyResult("s", tgt, order, grouped=False, speech="", events="", main="{}")
        )
    world.ledger.sessions.release("s", tgt)
    entries = world.store.command("XREVRANGE", world.keys.out("s"), "+", "-", "COUNT", len(orders))
    return [text(entry[0]) for entry in reversed(entries)]


def _number(entry_id: str) -> int:
    return int(entry_id.partition("-")[2])
