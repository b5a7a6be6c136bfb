"""Scenarios of `test_twice`: the cell, its nodes and their pools."""

import contextlib

import pytest

from scheduling.ledger.codes import LedgerError, StaleCapabilities
from scheduling.workers import HEARD_MS, note_worker, read_workers
from tests.lua.twice import scenario, waiting
from tests.lua.world import CLASSES, POOLS, PT, World, registration


@scenario("open_cell")
def opened_again(world: World) -> None:
    world.ledger.cell.open()


@scenario("register_node")
def new_class(world: World) -> None:
    world.register("n1")
    assert world.node("n1")["tier"] == ""


@scenario("register_node")
def of_another_tier_than_before(world: World) -> None:
    world.register("n1", tier="new")
    world.register("n1", socket="later", tier="trusted")
    assert world.node("n1")["tier"] == "trusted"


@scenario("register_node")
def taken_over_with_lost_attempts(world: World) -> None:
    waiting(world)
    world.ready("n2")
    world.ledger.jobs.advance("j0", "n1", 1, "dispatched", "t1", "web1")
    world.ledger.jobs.advance("j1", "n1", 1, "dispatched", "t2", "web1")
    again = registration("n1", slots=2, socket="so-later", instance="web2", running=[("j1", 1)])
    assert world.ledger.nodes.register(again).former_socket == "so-n1"
    assert world.job("j0")["state"] == "waiting"


@scenario("register_node")
def of_another_credential(world: World) -> None:
    world.register("n1")
    with contextlib.suppress(LedgerError):
        world.register("n1", socket="thief", credential="stolen")


@scenario("heartbeat")
def unhealthy_in_a_row(world: World) -> None:
    world.ready("n1")
    states = [world.beat("n1", healthy=False).status for _ in range(3)]
    assert states == ["ready", "ready", "degraded"]


@scenario("heartbeat")
def more_running_than_known(world: World) -> None:
    """The freed slots are handed out; counting the leases again would free what is held back."""
    waiting(world)
    world.register("n1", slots=4, socket="so-larger")
    world.beat("n1", socket="so-larger", running=3)
    assert len(world.dump().scores("leases:n1")) == 3


@scenario("heartbeat")
def changed_class(world: World) -> None:
    world.ready("n1")
    assert world.beat("n1", klass="B", changed=True).dirty


@scenario("heartbeat")
def back_from_offline(world: World) -> None:
    waiting(world)
    world.ledger.nodes.offline("n1", "so-n1", "gone", 0)
    assert world.beat("n1").status == "ready"


@scenario("heartbeat")
def lists_what_it_runs(world: World) -> None:
    waiting(world)
    world.go(1000)
    world.beat("n1", attempts=[("j0", 1), ("j1", 1), ("foreign", 1)])
    assert world.job("j0")["state"] == "dispatched"


@scenario("touch_node")
def silent_node(world: World) -> None:
    world.ready("n1")
    world.go(23_000)
    world.settle()
    world.ledger.nodes.touch("n1", "so-n1")


@scenario("note_worker")
def workers_come_and_go(world: World) -> None:
    """One that was not heard for long counts no more, and leaves nothing behind."""
    now_ms = int(world.now_ms)
    for name in ("drain@a-1", "drain@b-2", "control@a-3"):
        note_worker(world.ledger.cell, name)
    assert read_workers(world.ledger.cell, now_ms) == {"drain": 2, "control": 1}
    world.go(HEARD_MS + 1)
    note_worker(world.ledger.cell, "drain@b-2")
    assert read_workers(world.ledger.cell, now_ms + HEARD_MS + 1) == {"drain": 1}
    assert world.store.command("ZCARD", world.keys.workers) == 1


@scenario("drain_node")
def drained_and_back(world: World) -> None:
    waiting(world)
    world.ledger.nodes.drain("n1", "operator", "new disk")
    world.ledger.nodes.drain("n1", "", "done")


@scenario("set_node_pools")
def first_of_its_class(world: World) -> None:
    world.register("n1")
    world.beat("n1")
    world.ledger.nodes.set_pools("n1", CLASSES["A"], [CLASSES["A"].class_id, "gold"])


@scenario("node_offline")
def without_grace(world: World) -> None:
    waiting(world)
    world.ledger.nodes.offline("n1", "so-n1", "closed", 0)


@scenario("node_offline")
def with_grace(world: World) -> None:
    waiting(world)
    world.ledger.nodes.offline("n1", "so-n1", "closed", 2000)
    world.go(2000)
    world.settle()


@scenario("link_requirement")
def slots_found(world: World) -> None:
    waiting(world)
    world.ready("n2", "C", slots=2)
    assert world.ledger.nodes.link(PT, [CLASSES["C"].class_id]) == 1


@scenario("link_requirement")
def computed_from_others(world: World) -> None:
    world.ready("n1")
    with pytest.raises(StaleCapabilities):
        world.ledger.nodes.link_all([(PT, [POOLS["A"]])], 7)
    world.ledger.nodes.link_all([(PT, [POOLS["A"]])], 1)


@scenario("set_class_pools")
def noted_and_contested(world: World) -> None:
    world.ready("n1")
    name, pools = POOLS["A"], f"{POOLS['A']} gold"
    world.ledger.nodes.set_class_pools([(name, "", pools)])
    with pytest.raises(StaleCapabilities):
        world.ledger.nodes.set_class_pools([(name, "", f"{name} silver")])


def with_another_class(world: World) -> None:
    """Have a job wait, and a node of another class ready."""
    waiting(world)
    world.register("n2", klass="C", slots=2)
    world.ledger.nodes.set_pools("n2", CLASSES["C"])
    world.beat("n2", klass="C")


@scenario("join_pools")
def moved_to_noted_pools(world: World) -> None:
    with_another_class(world)
    world.ledger.nodes.link(PT, [POOLS["A"], "gold"])
    world.ledger.nodes.set_class_pools([(POOLS["C"], "", f"{POOLS['C']} gold")])
    world.ledger.nodes.join_pools(["n2", "nobody"], POOLS["C"])
    world.ledger.nodes.join_pools(["n2"], POOLS["A"])


@scenario("class_moved")
def moved_again_meanwhile(world: World) -> None:
    world.ready("n1")
    name = POOLS["A"]
    for former, pools in (("", "gold"), ("gold", "silver")):
        world.ledger.nodes.set_class_pools([(name, former, pools)])
    assert not world.ledger.nodes.class_moved(name, "gold")
    assert world.ledger.nodes.class_moved(name, "silver")


@scenario("set_pool_file")
def changed_and_wrong(world: World) -> None:
    assert world.ledger.nodes.set_pool_file('{"pools":[]}', "") == 1
    assert world.ledger.nodes.set_pool_file('{"pools":[]}', "line 3 is wrong") == 1


@scenario("issue_pairing_code")
def asked_for_at_once_and_later(world: World) -> None:
    def issue(node: str, code: str) -> list[object]:
        reply: list[object] = world.ledger.cell.call("issue_pairing_code", [], [node, code, 300_000, 10_000])
        return reply

    assert issue("n1", "AAAA") == [1, b"AAAA", 300_000]
    assert issue("n2", "AAAA") == [0]
    world.go(9_000)
    assert issue("n1", "BBBB") == [1, b"AAAA", 291_000]
    world.go(1_000)
    assert issue("n1", "BBBB") == [1, b"BBBB", 300_000]
    assert world.dump().named("pairing") == ["BBBB"]


@scenario("use_pairing_code")
def right_wrong_and_too_often_wrong(world: World) -> None:
    def use(code: str, token: str) -> list[object]:
        reply: list[object] = world.ledger.cell.call("use_pairing_code", [], [code, token, 2, 60_000])
        return reply

    code = world.ledger.pairing.issue("n1").code
    assert use(code, "t0") == [1, b"n1"]
    assert use("WRONG", "t1") == use("WRONG", "t2") == [0]
    assert use(code, "t3") == [0]


@scenario("pin_node")
def waited_for(world: World) -> None:
    with_another_class(world)
    world.ledger.nodes.link(PT, [POOLS["A"], "node-n2"])
    assert world.ledger.pairing.pin("n2") == POOLS["C"]


@scenario("prune_pool")
def made_for_a_requirement(world: World) -> None:
    pool = f"req-{PT.requirement_id}"
    world.ledger.nodes.link(PT, [pool])
    assert not world.ledger.nodes.prune_pool(pool, [PT.requirement_id])
    world.go(world.settings.node_memory_ms)
    assert world.ledger.nodes.prune_pool(pool, [PT.requirement_id])
    assert not world.dump().hash("requirements")


@scenario("publish_snapshot")
def older_and_newer(world: World) -> None:
    for version, json in ((1, "a"), (2, "b"), (2, "c"), (1, "d")):
        world.ledger.cell.call("publish_snapshot", [world.keys.snapshot], [version, json])
    assert world.store.command("GET", world.keys.snapshot) == b"c"


@scenario("prune_pool")
def forgotten(world: World) -> None:
    world.ready("n1")
    world.ledger.nodes.link(PT, [POOLS["A"]])
    for _ in range(2):
        assert not world.ledger.nodes.prune_pool(POOLS["A"], [PT.requirement_id])
        world.ledger.nodes.offline("n1", "so-n1", "gone", 0)
        world.go(world.settings.node_memory_ms // 2 + 1)
    assert not world.ledger.nodes.prune_pool(POOLS["A"], [PT.requirement_id])
    world.go(world.settings.node_memory_ms // 2)
    assert world.ledger.nodes.prune_pool(POOLS["A"], [PT.requirement_id])
