"""Why a node gets no work: every reason that holds, in words for its owner."""

import pytest

from scheduling.explain import explain_node, node_page, pool_list
from scheduling.explain.paging import BadCursor
from scheduling.explain.views import NodeExplanation
from scheduling.explain.words import NODE_REASONS, REASONS
from scheduling.ledger.codes import LedgerError, UnknownNode
from scheduling.ledger.nodes import WHY_WORDS
from scheduling.store.plain import PlainStore
from tests.lua.world import CLASSES, POOLS, World


@pytest.fixture
def world(store: PlainStore) -> World:
    return World(store)


def look(world: World, node: str = "n1") -> NodeExplanation:
    return explain_node(world.ledger.cell, node)


def words(world: World, node: str = "n1") -> list[str]:
    return [item.reason for item in look(world, node).hindrances]


def change(world: World, **fields: object) -> None:
    for name, value in fields.items():
        world.store.command("HSET", world.keys.node("n1"), name, str(value))


def test_a_node_that_takes_work_has_no_hindrance(world: World) -> None:
    world.ready("n1", slots=4)
    found = look(world)
    assert found.hindrances == []
    assert "4 of 4 slots are free" in found.sentence
    assert [pool.pool for pool in found.pools] == [POOLS["A"]]
    assert found.serves.services == ["asr", "nmt", "tts"]


def test_an_unknown_node_is_said_to_be_unknown(world: World) -> None:
    with pytest.raises(UnknownNode, match="no node ghost"):
        look(world, "ghost")


def test_a_node_before_its_first_heartbeat_is_not_ready_and_in_no_pool(world: World) -> None:
    world.register("n1")
    assert words(world) == ["status_not_ready", "no_pool"]


def test_a_drained_node_says_by_whom_and_why(world: World) -> None:
    world.ready("n1")
    world.ledger.nodes.drain("n1", "operator", "new driver")
    (found,) = look(world).hindrances
    assert (found.reason, found.says) == ("draining", "It drains by an operator's wish: new driver.")
    assert "undrain" in found.advice


def test_a_quarantined_node_is_not_called_draining(world: World) -> None:
    world.ready("n1")
    world.ledger.nodes.drain("n1", "quarantine", "bad memory")
    assert words(world) == ["quarantined"]


def test_a_silent_node_says_since_when(world: World) -> None:
    world.ready("n1", beat_ms=1000)
    world.go(1600)
    (found,) = look(world).hindrances
    assert (found.reason, found.says) == ("silent", "It was last heard 1.6 s ago; 1.5 s are allowed.")


def test_an_offline_node_is_explained_from_what_is_remembered(world: World) -> None:
    world.ready("n1")
    world.ledger.nodes.offline("n1", "so-n1", "socket closed: went away", 0)
    found = look(world)
    assert [item.says for item in found.hindrances] == ["It is offline: socket closed: went away."]
    assert found.node.why == "offline"


def test_a_node_whose_socket_closed_a_moment_ago_is_away(world: World) -> None:
    world.ready("n1")
    world.ledger.nodes.offline("n1", "so-n1", "socket closed", 2000)
    assert words(world) == ["away"]


def test_all_reasons_that_hold_are_given_not_only_the_first(world: World) -> None:
    world.ready("n1", slots=2)
    world.open()
    world.reserve("j1")
    world.beat("n1", running=2, overloaded=True)
    found = look(world)
    assert [item.reason for item in found.hindrances] == ["resource_threshold_exceeded", "capacity_exceeded"]
    assert "1 in use by our jobs, 1 held by other work" in found.hindrances[1].says


def test_an_open_breaker_says_how_long_it_rests(world: World) -> None:
    world.ready("n1")
    change(world, breaker_ms=world.now_ms + 20_000, strikes=5)
    (found,) = look(world).hindrances
    assert found.says == "It rests 20 s more after 5 failures in a row."


def test_after_its_rest_one_job_at_a_time_tries_the_node(world: World) -> None:
    world.ready("n1", slots=2)
    world.open()
    world.reserve("j1")
    change(world, breaker_ms=world.now_ms, strikes=5)
    (found,) = look(world).hindrances
    assert found.says == "After 5 failures in a row it is tried with one job at a time."


def test_a_node_of_one_class_too_many_says_what_to_do(store: PlainStore) -> None:
    world = World(store, max_classes=1)
    world.ready("n1")
    world.register("n2", klass="B")
    with pytest.raises(LedgerError):
        world.ledger.nodes.set_pools("n2", CLASSES["B"])
    found = look(world, "n2").hindrances
    assert [item.reason for item in found] == ["status_not_ready", "no_pool"]
    assert "MAX_CLASSES" in found[1].advice


def test_slots_kept_for_a_large_job_are_not_free(world: World) -> None:
    world.ready("n1", slots=2)
    change(world, held_for="j9")
    (found,) = look(world).hindrances
    assert (found.reason, "kept for job j9" in found.says) == ("capacity_exceeded", True)


def test_the_words_are_those_of_the_ledger() -> None:
    assert tuple(NODE_REASONS) == WHY_WORDS


def test_a_node_of_a_dead_web_process_says_so(world: World) -> None:
    world.ready("n1")
    world.store.command("ZADD", f"{world.keys.prefix}instances", world.now_ms - 60_000, "web1")
    assert words(world) == ["instance_silent"]


def test_what_it_has_done_is_told(world: World) -> None:
    world.ready("n1")
    change(world, given=7, done=4, failed=2, retried=1)
    assert look(world).counters.model_dump() == {"given": 7, "done": 4, "failed": 2, "retried": 1}


def test_jobs_that_wait_for_its_pools_are_counted(world: World) -> None:
    world.ready("n1")
    world.open()
    for job in ("j1", "j2", "j3"):
        world.reserve(job)
    found = look(world)
    assert found.waiting == 2
    assert found.pools[0].waiting == 2


def test_every_reason_has_words_for_its_owner() -> None:
    for word, reason in REASONS.items():
        assert reason.meaning.endswith("."), word
        assert reason.advice.endswith("."), word


def test_a_walk_over_pages_meets_every_node_though_many_are_as_old(world: World) -> None:
    names = {f"n{number}" for number in range(7)}
    for name in names:
        world.ready(name)
    met: list[str] = []
    cursor = ""
    while True:
        page = node_page(world.ledger.cell, 2, cursor)
        assert len(page.nodes) <= 2
        met += [node.node_id for node in page.nodes]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert sorted(met) == sorted(names)


def test_a_cursor_that_is_none_is_refused(world: World) -> None:
    for cursor in ("x", "1", "-1", "1-", "1-x"):
        with pytest.raises(BadCursor):
            node_page(world.ledger.cell, 2, cursor)


def test_pools_are_listed_with_their_counts(world: World) -> None:
    world.ready("n1")
    world.ready("n2")
    world.ready("n3", "B")
    world.ledger.nodes.drain("n2", "operator", "for now")
    first, second = pool_list(world.ledger.cell, 10).pools
    assert (first.pool, first.members, first.dispatchable) == (POOLS["A"], 2, 1)
    assert first.excluded == {"draining": 1}
    assert second.services == sorted(CLASSES["B"].services)
    assert len(pool_list(world.ledger.cell, 1).pools) == 1
