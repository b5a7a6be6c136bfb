"""What a worker does about new pools and requirements, on a real server."""

import pytest

from scheduling import pooling
from scheduling.capability import CapabilityClass
from scheduling.catalog import Catalog, read_pools, read_snapshot
from scheduling.ledger import Nodes
from scheduling.requirement import Requirement
from scheduling.store.plain import PlainStore
from tests.lua import world as worlds
from tests.lua.world import POOLS, World, registration, reservation
from tests.scheduling.crashing import CrashingStore, Killed, lapse
from tests.valkey import Valkey

SPEECH = frozenset({"asr", "nmt", "tts"})


def speech(src: str, tgt: str, *also_heard: str) -> CapabilityClass:
    """Give a class that speaks ``tgt`` for what it hears in ``src``."""
    translated = ((frozenset({src}), frozenset({tgt})),)
    return CapabilityClass(SPEECH, asr=frozenset({src, *also_heard}), tts=frozenset({tgt}), blocks=translated)


EN_PT, EN_DE = speech("en", "pt"), speech("en", "de")
PT, DE = Requirement("en", "pt", SPEECH), Requirement("en", "de", SPEECH)


@pytest.fixture
def world(store: PlainStore, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give a fresh cell, whose classes can do what their names say."""
    monkeypatch.setattr(worlds, "CLASSES", {"pt": EN_PT, "de": EN_DE})
    return World(store)


def links_of(world: World, requirement: Requirement) -> set[str]:
    return world.dump().members(f"reqpools:{requirement.requirement_id}")


def marked(world: World) -> int:
    return len(world.dump().entries("outbox:nodes"))


def test_a_node_of_a_new_class_gets_its_pool_and_work(world: World) -> None:
    world.register("n", klass="pt")
    assert marked(world) == 1
    assert pooling.drain_pools(world.ledger).count == 1
    assert world.node("n")["pools"] == EN_PT.class_id
    assert read_pools(world.store, world.keys).classes == {EN_PT.class_id: EN_PT}
    world.beat("n", klass="pt")
    world.open()
    placed = world.ledger.jobs.reserve(reservation("j", requirement=PT, pools=[EN_PT.class_id]))
    assert placed.node_id == "n"


def test_a_pool_is_linked_to_the_requirements_it_serves(world: World) -> None:
    for requirement in (PT, DE):
        world.ledger.nodes.link(requirement, [])
    world.register("n", klass="pt")
    pooling.drain_pools(world.ledger)
    assert links_of(world, PT) == {EN_PT.class_id}
    assert links_of(world, DE) == set()


def test_a_job_that_waits_is_placed_when_its_pool_is_made(world: World) -> None:
    """No job waits beside an idle slot because nobody has looked yet."""
    world.register("busy", klass="pt")
    pooling.drain_pools(world.ledger)
    world.beat("busy", klass="pt")
    world.open()
    for job in ("runs", "waits"):
        world.ledger.jobs.reserve(reservation(job, requirement=PT, pools=[EN_PT.class_id]))
    assert world.job("waits")["state"] == "waiting"
    worlds.CLASSES["both"] = speech("en", "pt", "pt")
    world.register("free", klass="both")
    world.beat("free", klass="both")
    pooling.drain_pools(world.ledger)
    assert (world.job("waits")["state"], world.job("waits")["node"]) == ("assigned", "free")


def test_many_nodes_of_one_class_are_one_link(world: World) -> None:
    world.ledger.nodes.link(PT, [])
    for number in range(60):
        world.register(f"n{number}", klass="pt")
    drained = pooling.drain_pools(world.ledger)
    assert (drained.count, drained.more) == (60, False)
    assert all(world.node(f"n{number}")["pools"] == EN_PT.class_id for number in range(60))
    assert links_of(world, PT) == {EN_PT.class_id}
    assert marked(world) == 0


def test_a_marked_requirement_is_linked_to_every_pool_that_serves_it(world: World) -> None:
    world.register("n", klass="pt")
    pooling.drain_pools(world.ledger)
    world.open()
    # It was computed from pools of an older version, so it is marked.
    with pytest.raises(Exception, match="reserve"):
        world.ledger.jobs.reserve(reservation("j", requirement=PT, pools=[], version=0))
    assert pooling.drain_pools(world.ledger).count == 1
    assert links_of(world, PT) == {EN_PT.class_id}


def test_a_node_that_left_is_passed_over(world: World) -> None:
    world.register("gone", klass="pt")
    world.register("n", klass="de")
    world.store.command("DEL", world.keys.node("gone"))
    assert pooling.drain_pools(world.ledger).count == 2
    assert world.node("n")["pools"] == EN_DE.class_id


def test_a_class_that_changes_while_a_worker_looks_is_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node is marked once, until somebody has looked: when the worker gave up on the outdated class, the
    node stood in no pool for ever."""
    world.register("n", klass="pt")
    current = Nodes.capability_of

    def change_meanwhile(nodes: Nodes, node_id: str) -> CapabilityClass | None:
        seen = current(nodes, node_id)
        if seen == EN_PT:
            world.beat("n", klass="de", changed=True)
        return seen

    monkeypatch.setattr(Nodes, "capability_of", change_meanwhile)
    pooling.drain_pools(world.ledger)
    assert world.node("n")["pools"] == EN_DE.class_id
    assert world.node("n")["dirty"] == "0"


def test_the_snapshot_is_published_with_what_changed(world: World) -> None:
    world.ledger.nodes.link(PT, [])
    world.register("n", klass="pt")
    pooling.drain_pools(world.ledger)
    expected = Catalog(1, {EN_PT.class_id: EN_PT}, {PT.requirement_id: [EN_PT.class_id]})
    assert read_snapshot(world.store, world.keys) == expected


def test_a_snapshot_that_says_the_same_is_not_published_again(world: World) -> None:
    world.register("n", klass="pt")
    pooling.drain_pools(world.ledger)
    before = world.store.command("HGET", world.keys.cell, "snapshot_seq")
    assert pooling.settle_pools(world.ledger)
    assert world.store.command("HGET", world.keys.cell, "snapshot_seq") == before


def test_an_older_snapshot_stays_behind(world: World) -> None:
    newer = Catalog(9, {POOLS["A"]: EN_PT}, {})
    world.ledger.cell.call("publish_snapshot", [world.keys.snapshot], [newer.version, newer.to_json()])
    assert pooling.settle_pools(world.ledger)
    assert read_snapshot(world.store, world.keys) == newer


@pytest.mark.parametrize("takes_effect", [False, True])
def test_a_worker_that_dies_at_any_step_leaves_the_work_to_the_next(
    valkey: Valkey, world: World, takes_effect: bool
) -> None:
    with CrashingStore(valkey.url) as store:
        for step in range(100):
            store.command("FLUSHALL")
            dying = World(store)
            dying.ledger.nodes.link(PT, [])
            dying.register("n", klass="pt")
            store.kill_at(step, takes_effect=takes_effect)
            try:
                pooling.drain_pools(dying.ledger)
            except Killed:
                lapse(store, dying.keys.dirty)
                pooling.drain_pools(dying.ledger)
            else:
                break
            assert dying.node("n")["pools"] == EN_PT.class_id
            assert links_of(dying, PT) == {EN_PT.class_id}
            assert marked(dying) == 0
        assert step > 5, "it died at no step"


def test_registration_states_a_class_of_its_own(world: World) -> None:
    """What these tests stand on."""
    assert registration("n", klass="pt").capability == EN_PT


def test_a_class_nobody_has_had_for_a_day_is_forgotten(world: World) -> None:
    """Every class and requirement that ever came was kept for ever."""
    world.ledger.nodes.link(PT, [])
    world.register("n", klass="pt")
    pooling.drain_pools(world.ledger)
    assert pooling.prune_pools(world.ledger) == 0
    world.ledger.nodes.offline("n", "so-n", "gone", 0)
    assert pooling.prune_pools(world.ledger) == 0  # noted as idle
    world.go(world.settings.node_memory_ms - 1)
    assert pooling.prune_pools(world.ledger) == 0
    world.go(1)
    assert pooling.prune_pools(world.ledger) == 1
    left = world.dump()
    assert not left.hash("pools")
    assert not left.hash("requirements")
    assert not left.hash("idlepools")
    world.register("n", klass="pt", socket="so-again")
    pooling.drain_pools(world.ledger)
    assert world.node("n")["pools"] == EN_PT.class_id


def test_a_pool_in_use_again_is_not_forgotten(world: World) -> None:
    world.register("n", klass="pt")
    pooling.drain_pools(world.ledger)
    world.ledger.nodes.offline("n", "so-n", "gone", 0)
    pooling.prune_pools(world.ledger)
    world.register("n", klass="pt", socket="so-again")
    pooling.prune_pools(world.ledger)
    world.ledger.nodes.offline("n", "so-again", "gone", 0)
    world.go(world.settings.node_memory_ms)
    assert pooling.prune_pools(world.ledger) == 0
