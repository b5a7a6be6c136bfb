"""Dead letters as operators read them: pages, sizes, never what was said."""

import pytest

from scheduling.bodies import Bodies
from scheduling.explain import BadCursor, dead_page, read_dead
from scheduling.store.plain import PlainStore
from tests.lua.world import World


@pytest.fixture
def world(store: PlainStore) -> World:
    return World(store, max_attempts=1)


def bodies(world: World) -> Bodies:
    return Bodies(world.store, world.settings)


def die(world: World, *jobs: str) -> None:
    """Have each job take the node ``n1`` with it."""
    world.open()
    for job in jobs:
        world.ready("n1")
        world.started(job)
        world.ledger.nodes.offline("n1", "so-n1", "gone", 0)


def names(world: World, limit: int, cursor: str = "") -> tuple[list[str], str | None]:
    page = dead_page(world.ledger.cell, bodies(world), limit, cursor)
    return [letter.job_id for letter in page.dead], page.next_cursor


def test_pages_go_from_the_newest_to_the_oldest_whatever_died_in_one_moment(world: World) -> None:
    die(world, "a", "b", "c")
    world.go(1)
    die(world, "d")
    found, cursor = names(world, 2)
    assert found == ["d", "c"]
    assert cursor is not None
    assert names(world, 2, cursor) == (["b", "a"], None)
    with pytest.raises(BadCursor):
        names(world, 2, "no cursor")


def test_what_is_older_than_they_are_kept_is_not_shown(world: World) -> None:
    die(world, "old")
    world.go(world.settings.dead_ms)
    page = dead_page(world.ledger.cell, bodies(world), 10)
    assert (page.dead, page.total) == ([], 0)


def test_one_node_is_named_once_and_what_was_said_never(world: World) -> None:
    bodies(world).put("audio-a", "c2VjcmV0").wait()
    die(world, "a")
    letter = read_dead(world.ledger.cell, bodies(world), "a")
    assert letter is not None
    assert (letter.sentence, letter.killed) == ("It killed 1 node: n1.", ["n1"])
    assert letter.audio_bytes == 6
    assert "secret" not in letter.model_dump_json()
    assert read_dead(world.ledger.cell, bodies(world), "ghost") is None
