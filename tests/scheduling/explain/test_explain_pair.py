"""Who could do a job, and what keeps the others: on a real server, against the counters of the ledger."""

import pytest
import redis

from scheduling.capability import CapabilityClass
from scheduling.explain import explain_pair
from scheduling.explain.views import Excluded, PairExplanation
from scheduling.ledger import NodeRegistration
from scheduling.store.plain import PlainStore
from scheduling.translation import Block
from tests.lua.world import World, beat

SPEECH = frozenset({"asr", "nmt", "tts"})
EN_PT: tuple[Block, ...] = ((frozenset({"en"}), frozenset({"pt"})),)


def able(**changes: object) -> CapabilityClass:
    """Give a class that speaks en→pt, otherwise in what is stated."""
    stated = {"services": SPEECH, "asr": frozenset({"en"}), "tts": frozenset({"pt"}), "blocks": EN_PT}
    return CapabilityClass(**stated | changes)  # type: ignore[arg-type]


@pytest.fixture
def world(store: PlainStore) -> World:
    return World(store, wait_ms=5000)


def join(world: World, node: str, capability: CapabilityClass, slots: int = 1) -> None:
    """Bring a node of any class to its first work."""
    world.ledger.nodes.register(
        NodeRegistration(node, f"so-{node}", "web1", "", slots, 15_000, capability, False, "{}")
    )
    world.ledger.nodes.set_pools(node, capability)
    ready = beat(node)
    world.ledger.nodes.heartbeat(type(ready)(**{**_fields(ready), "capability": capability}))


def _fields(ready: object) -> dict[str, object]:
    return {name: getattr(ready, name) for name in ready.__dataclass_fields__}  # type: ignore[attr-defined]


def look(
    world: World, src: str = "en", tgt: str = "pt", services: str = "asr nmt tts", **more: object
) -> PairExplanation:
    return explain_pair(world.ledger.cell, src, tgt, services.split(), **more)  # type: ignore[arg-type]


def reasons(found: PairExplanation) -> dict[str, int]:
    return {item.reason: item.nodes for item in found.excluded}


def test_an_empty_fleet_refuses_and_says_so(world: World) -> None:
    found = look(world)
    assert (found.outcome, found.sentence) == ("refused", "A job would be refused: no node is connected.")


def test_a_free_node_is_named(world: World) -> None:
    join(world, "n1", able())
    found = look(world)
    assert (found.outcome, found.node) == ("placed", "n1")
    assert [(pool.members, pool.dispatchable) for pool in found.pools] == [(1, 1)]


@pytest.mark.parametrize(
    ("reason", "capability", "src"),
    [
        ("not_in_public_pool", able(tenant="acme"), "en"),
        ("model_not_available", able(services=frozenset({"asr", "nmt"}), tts=frozenset()), "en"),
        ("lang_pair_unsupported", able(blocks=((frozenset({"en"}), frozenset({"de"})),)), "en"),
        ("asr_lang_unsupported", able(asr=frozenset({"fr"})), "en"),
        ("src_auto_no_candidate", able(asr=frozenset({"fr"})), "auto"),
        ("tts_lang_unsupported", able(tts=frozenset({"de"})), "en"),
    ],
)
def test_nodes_that_can_never_do_it_are_counted_by_reason(
    world: World, reason: str, capability: CapabilityClass, src: str
) -> None:
    for number in range(7):
        join(world, f"n{number}", capability)
    found = look(world, src, auto_langs=["en"] if src == "auto" else [])
    assert reasons(found) == {reason: 7}
    assert len(found.excluded[0].sample) == 5
    assert found.outcome == "refused"
    assert found.excluded[0].advice


def test_nodes_kept_away_by_their_state_are_counted_by_reason(world: World) -> None:
    for number in range(8):
        join(world, f"n{number}", able())
    for number in range(6):
        world.ledger.nodes.drain(f"n{number}", "operator", "for now")
    world.ledger.nodes.drain("n6", "quarantine", "broken")
    world.open()
    world.reserve("j1", pools=[able().class_id])
    found = look(world)
    assert reasons(found) == {"draining": 6, "quarantined": 1, "capacity_exceeded": 1}
    assert {item.reason: len(item.sample) for item in found.excluded} == {
        "quarantined": 1, "draining": 5, "capacity_exceeded": 1,
    }  # fmt: skip
    assert (found.outcome, found.node) == ("waits", None)


def test_a_tenants_own_pool_goes_before_a_less_loaded_node(world: World) -> None:
    requirement = look(world).requirement.requirement_id
    world.store.commands(
        [
            ("SADD", world.keys.requirement_pools(requirement), f"req-{requirement}", "other"),
            ("ZADD", world.keys.pool("other"), 5, "idle"),
            ("ZADD", world.keys.pool(f"req-{requirement}"), 500 * 2**40 + 6, "own"),
        ]
    )
    assert look(world).node == "own"


def test_a_tenant_sees_its_own_nodes(world: World) -> None:
    join(world, "n1", able(tenant="acme"))
    assert look(world, tenant="acme").node == "n1"
    assert look(world, tenant="other").outcome == "refused"


def test_the_least_loaded_node_is_named_also_over_pools(world: World) -> None:
    join(world, "busy", able(), slots=2)
    world.open()
    first = world.reserve("j1", pools=[able().class_id])
    assert first.node_id == "busy"
    join(world, "idle", able(semantic=frozenset({"en"}), services=SPEECH | {"semantic"}), slots=2)
    world.store.command(
        "SADD",
        world.keys.requirement_pools(look(world).requirement.requirement_id),
        able(semantic=frozenset({"en"}), services=SPEECH | {"semantic"}).class_id,
    )
    assert look(world).node == "idle"


def test_when_all_are_busy_a_job_would_wait(world: World) -> None:
    join(world, "n1", able())
    world.open()
    for job in ("j1", "j2", "j3"):
        world.reserve(job, pools=[able().class_id])
    found = look(world)
    assert found.outcome == "waits"
    assert (found.queue.waiting, found.queue.waiting_in_cell) == (2, 2)
    assert found.queue.estimate_ms is None
    world.store.command("HSET", world.keys.cell, "gap_ms", 100)
    assert look(world).queue.estimate_ms == 300


def test_a_job_of_several_slots_is_not_promised_a_node_with_one(store: PlainStore) -> None:
    world = World(store, slot_costs="asr=2")
    join(world, "small", able(), slots=3)
    world.open()
    assert look(world).node == "small"
    for job in ("j1", "j2"):
        world.reserve(job, pools=[able().class_id])
    found = look(world)
    assert (found.outcome, found.requirement.slots, found.pools[0].dispatchable) == ("waits", 2, 1)
    assert "none has 2 slots free" in found.sentence
    join(world, "roomy", able(), slots=8)
    assert look(world).node == "roomy"


def test_a_node_without_room_is_looked_past(store: PlainStore) -> None:
    """A node may be first by its share of free slots and have fewer of them than the job needs."""
    world = World(store, slot_costs="asr=2")
    join(world, "small", able(), slots=2)
    world.open()
    world.reserve("j1", pools=[able().class_id])
    join(world, "large", able(), slots=8)
    for number in range(4):
        world.reserve(f"k{number}", pools=[able().class_id])
    assert look(world, services="nmt tts").node == "small"
    assert look(world).node == "large"


def test_a_full_queue_refuses(store: PlainStore) -> None:
    world = World(store, max_waiting=1)
    join(world, "n1", able())
    world.open()
    for job in ("j1", "j2"):
        world.reserve(job, pools=[able().class_id])
    assert look(world).outcome == "refused"
    assert "1 waits already, as many as may" in look(world).sentence


def test_a_requirement_of_a_job_is_explained_by_its_own_links(world: World) -> None:
    join(world, "n1", able())
    world.open()
    world.reserve("j1", pools=[able().class_id])
    requirement = world.job("j1")["requirement"]
    found = look(world)
    assert found.requirement.requirement_id == requirement
    assert [pool.pool for pool in found.pools] == [able().class_id]


def test_a_word_of_a_newer_version_is_shown_all_the_same() -> None:
    assert Excluded.of("sleepy", 1, []).meaning


def test_its_cost_does_not_grow_with_the_nodes(world: World, redis_client: redis.Redis) -> None:
    """The server is asked the same number of commands for one node and for sixty."""

    def commands() -> int:
        before = redis_client.info("stats")["total_commands_processed"]
        look(world)
        return int(redis_client.info("stats")["total_commands_processed"] - before)

    join(world, "n0", able())
    one = commands()
    for number in range(1, 60):
        join(world, f"n{number}", able())
    assert commands() == one
