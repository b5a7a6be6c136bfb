"""Requirements that more classes serve than a reservation looks at, and those of tenants with a pool."""

import pytest

from scheduling import pooling, pools
from scheduling.capability import CapabilityClass
from scheduling.catalog import read_class_pools, read_pools, read_snapshot
from scheduling.ledger import NodeRegistration
from scheduling.pool_file import PoolFile
from scheduling.pools import MAX_CANDIDATES, MAX_GATHERED, plan
from scheduling.requirement import Requirement
from scheduling.store.plain import PlainStore
from tests.lua import world as worlds
from tests.lua.world import World, reservation
from tests.scheduling.crashing import CrashingStore, Killed, lapse
from tests.valkey import Valkey

SPEECH = frozenset({"asr", "nmt", "tts"})
EN_PT = Requirement("en", "pt", SPEECH)
ACME = Requirement("en", "pt", SPEECH, tenant="acme")
GATHERED = f"req-{EN_PT.requirement_id}"
MANY = MAX_CANDIDATES + 4


def numbered(number: int, *also_spoken: str) -> CapabilityClass:
    """Give one of many classes that hear English and speak Portuguese, told apart by what else they hear."""
    heard = frozenset({"en", f"x{number}"})
    spoken = frozenset({"pt", *also_spoken})
    return CapabilityClass(SPEECH, asr=heard, tts=spoken, blocks=((frozenset({"en"}), spoken),))


@pytest.fixture
def world(store: PlainStore, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give a fresh cell with classes by number."""
    monkeypatch.setattr(worlds, "CLASSES", {str(number): numbered(number) for number in range(200)})
    return World(store)


def arrive(world: World, number: int, node: str = "") -> str:
    """Bring a node of a class to its first work, without a worker's help; give its id."""
    node = node or f"n{number}"
    world.register(node, klass=str(number))
    world.beat(node, klass=str(number))
    return node


def fleet(world: World, count: int = MANY) -> None:
    for number in range(count):
        arrive(world, number)
    while pooling.drain_pools(world.ledger).count:
        pass


def ask(world: World, job: str, requirement: Requirement = EN_PT) -> str:
    """Reserve as a web process does with what it read last; give the node."""
    snapshot = read_snapshot(world.store, world.keys) or read_pools(world.store, world.keys)
    found = snapshot.pools_for(requirement)
    asked = reservation(
        job, requirement=requirement, pools=found, version=snapshot.version, preferred=found[0]
    )
    return world.ledger.jobs.reserve(asked).node_id


def links_of(world: World, requirement: Requirement = EN_PT) -> set[str]:
    return world.dump().members(f"reqpools:{requirement.requirement_id}")


def test_every_node_of_many_classes_gets_work(world: World) -> None:
    """Beyond 32 classes nodes stood idle beside jobs that waited."""
    fleet(world)
    world.open()
    ask(world, "first")
    pooling.drain_pools(world.ledger)
    assert links_of(world) == {GATHERED}
    assert len(world.dump().members(f"members:{GATHERED}")) == MANY
    placed = {ask(world, f"j{number}") for number in range(MANY - 1)}
    assert len(placed - {""}) == MANY - 1


def test_a_few_classes_need_no_pool_of_their_own(world: World) -> None:
    fleet(world, MAX_CANDIDATES)
    world.open()
    ask(world, "first")
    pooling.drain_pools(world.ledger)
    assert links_of(world) == set(read_pools(world.store, world.keys).classes)
    assert not world.dump().named("pool").count(GATHERED)


def test_jobs_that_wait_move_with_the_links_and_get_the_idle_slots(world: World) -> None:
    fleet(world)
    world.open()
    for number in range(MANY):
        ask(world, f"j{number}")  # more than the 32 classes of the first look have slots for
    assert world.job(f"j{MANY - 1}")["state"] == "waiting"
    pooling.drain_pools(world.ledger)
    assert {world.job(f"j{number}")["state"] for number in range(MANY)} <= {"assigned", "dispatched"}
    ask(world, "late")
    found = world.dump()
    assert found.named("poolwaiting") == [GATHERED]


def test_a_new_class_joins_the_pool_and_serves_who_waits(world: World) -> None:
    fleet(world)
    world.open()
    ask(world, "first")
    pooling.drain_pools(world.ledger)
    for number in range(MANY):
        ask(world, f"j{number}")
    assert world.job(f"j{MANY - 1}")["state"] == "waiting"
    arrive(world, 150, "late")
    pooling.drain_pools(world.ledger)
    assert world.job(f"j{MANY - 1}")["node"] == "late"
    assert GATHERED in world.node("late")["pools"].split()


def test_a_node_that_comes_again_stands_in_all_its_pools(world: World) -> None:
    """A registration or a change of class put a node into the pool of its class alone."""
    fleet(world)
    world.open()
    ask(world, "first")
    pooling.drain_pools(world.ledger)
    expected = set(world.node("n1")["pools"].split())
    assert GATHERED in expected
    world.register("n1", klass="1", socket="so-again")
    assert set(world.node("n1")["pools"].split()) == expected
    world.beat("n1", klass="2", socket="so-again", changed=True)
    assert set(world.node("n1")["pools"].split()) == {numbered(2).class_id, GATHERED}


@pytest.mark.parametrize("takes_effect", [False, True])
def test_a_worker_that_dies_at_any_step_loses_nothing(
    valkey: Valkey, world: World, monkeypatch: pytest.MonkeyPatch, takes_effect: bool
) -> None:
    """Nor does any job wait beside an idle slot once the next worker is done."""
    monkeypatch.setattr(pools, "MAX_CANDIDATES", 2)
    with CrashingStore(valkey.url) as store:
        for step in range(200):
            store.command("FLUSHALL")
            dying = World(store)
            fleet(dying, 4)
            dying.open()
            dying.ledger.nodes.link(EN_PT, [numbered(0).class_id, numbered(1).class_id])
            dying.store.command("XADD", dying.keys.dirty, "*", "requirement", EN_PT.requirement_id)
            for number in range(4):
                ask(dying, f"j{number}")
            assert dying.job("j3")["state"] == "waiting"
            store.kill_at(step, takes_effect=takes_effect)
            try:
                pooling.drain_pools(dying.ledger)
            except Killed:
                lapse(store, dying.keys.dirty)
                pooling.drain_pools(dying.ledger)
            else:
                break
            assert links_of(dying) == {GATHERED}
            assert {dying.job(f"j{number}")["state"] for number in range(4)} <= {"assigned", "dispatched"}
            assert not dying.dump().hash("movingclasses")
        assert step > 10, "it died at no step"


def test_another_worker_that_makes_a_class_meanwhile_is_seen(valkey: Valkey, world: World) -> None:
    """What was worked out from the classes before it is not put over what follows from all."""
    fleet(world)
    world.open()
    ask(world, "first")

    def meanwhile() -> None:
        arrive(world, 150, "late")
        pooling.drain_pools(world.ledger)

    with CrashingStore(valkey.url) as store:
        slow = World(store)
        for step in range(3, 12):
            store.stall_at(step, meanwhile)
            pooling.settle_pools(slow.ledger)
            store.spare()
            assert links_of(world) == {GATHERED}
            assert len(world.dump().members(f"members:{GATHERED}")) == MANY + 1
            assert not world.dump().hash("movingclasses")


def test_classes_and_their_requirement_pool_are_forgotten_after_a_day(world: World) -> None:
    fleet(world)
    world.open()
    ask(world, "first")
    pooling.drain_pools(world.ledger)
    world.ledger.jobs.complete("first", world.job("first")["node"], 1, "ok", instance="web1")
    for number in range(MANY):
        world.ledger.nodes.offline(f"n{number}", f"so-n{number}", "gone", 0)
    for _ in range(4):
        pooling.prune_pools(world.ledger)
        world.go(world.settings.node_memory_ms)
    left = world.dump()
    for name in ("pools", "requirements", "classpools", "movingclasses", "idlepools"):
        assert not left.hash(name), name
    assert not left.named("reqpools") and not left.named("members")


def test_a_class_stands_in_a_bounded_number_of_requirement_pools() -> None:
    """Each costs whenever a node changes; what comes later is served by the most specific classes."""
    spoken = [f"t{number}" for number in range(MAX_GATHERED + 3)]
    classes = {cls.class_id: cls for cls in (numbered(number, *spoken) for number in range(MANY))}
    wanted = [Requirement("en", tgt, SPEECH) for tgt in spoken]
    first = plan(classes, wanted, PoolFile(), {})
    assert {len(each.split()) for each in first.class_pools.values()} == {MAX_GATHERED + 1}
    narrow = [each for each in first.links.values() if len(each) == MAX_CANDIDATES]
    assert len(narrow) == 3
    again = plan(classes, [*wanted, EN_PT], PoolFile(), first.class_pools)
    assert again.class_pools == first.class_pools


GOLD = """{"pools": [{"pool_id": "gold", "language_requirements": {"asr_languages": ["x1", "en"]}}],
 "tenant_overrides": [{"tenant_id": "acme", "pool_id": "gold"}], "strict_pool_eligibility": %s}"""


def configure(world: World, strict: str) -> None:
    file = PoolFile.from_canonical(GOLD % strict)
    world.ledger.nodes.set_pool_file(file.canonical(), "")
    pooling.settle_pools(world.ledger)


def test_configured_pool_has_the_nodes_that_meet_it(world: World) -> None:
    fleet(world, 3)
    configure(world, "false")
    assert world.dump().members("members:cfg-gold") == {"n1"}
    arrive(world, 1, "n1b")
    assert world.dump().members("members:cfg-gold") == {"n1", "n1b"}
    world.ledger.nodes.set_pool_file("", "")
    pooling.settle_pools(world.ledger)
    assert world.dump().members("members:cfg-gold") == set()
    assert read_class_pools(world.store, world.keys)[numbered(1).class_id] == numbered(1).class_id


def test_a_tenants_jobs_go_to_its_pool_first_and_then_elsewhere(world: World) -> None:
    fleet(world, 3)
    world.register("n1", klass="1", socket="so-again", slots=4)
    world.beat("n1", klass="1", socket="so-again")
    configure(world, "false")
    world.open()
    first = ask(world, "first", ACME)
    pooling.drain_pools(world.ledger)
    placed = [ask(world, f"j{number}", ACME) for number in range(5)]
    assert first == "n1"
    assert placed[:3] == ["n1"] * 3  # although the others are idle
    assert set(placed[3:]) == {"n0", "n2"}


def test_a_strict_tenant_waits_for_its_pool(world: World) -> None:
    fleet(world, 3)
    configure(world, "true")
    world.open()
    assert ask(world, "first", ACME) == "n1"
    pooling.drain_pools(world.ledger)
    assert ask(world, "second", ACME) == ""
    assert world.job("second")["state"] == "waiting"
    configure(world, "false")
    assert world.job("second")["node"] in {"n0", "n2"}


def test_registration_states_a_class_by_number(world: World) -> None:
    """What these tests stand on."""
    stated: NodeRegistration = worlds.registration("n", klass="7")
    assert stated.capability == numbered(7)
