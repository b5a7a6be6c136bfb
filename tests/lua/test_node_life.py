"""The life of a node: ready, degraded, resting, drained, in quarantine, offline and back."""

import pytest

from scheduling.ledger.codes import NodeIdConflict, NodeReplaced, TooManyClasses
from tests.lua.world import CLASSES, POOLS, World, registration


def status(world: World, node: str) -> tuple[str, str]:
    record = world.node(node)
    return record["status"], record["why"]


def kept_out(world: World, word: str, klass: str = "A") -> set[str]:
    return world.dump().members(f"poolwhy:{POOLS[klass]}:{word}")


def fails(world: World, node: str, times: int, code: str = "PROCESSING_ERROR") -> None:
    """Let so many attempts of the node end without a result."""
    for number in range(times):
        job = f"{node}-{code}-{world.now_ms}-{number}"
        placed = world.started(job)
        assert placed.node_id == node
        world.ledger.jobs.complete(job, node, 1, "retry", instance="web1", code=code, message="it broke")
        world.ledger.jobs.cancel(job, "X", "x")


def told(world: World) -> list[str]:
    """Nodes whose instance was told of a change."""
    return [entry["node"] for entry in world.inbox() if entry["kind"] == "status"]


def test_registering_until_enough_healthy_heartbeats(world: World) -> None:
    world.store.command("HSET", world.keys.cell, "health_beats", 2)
    world.register("n1")
    world.ledger.nodes.set_pools("n1", CLASSES["A"], [POOLS["A"]])
    for healthy in (True, False, True):
        assert world.beat("n1", healthy=healthy).status == "registering"
    assert world.beat("n1").status == "ready"
    for _ in range(3):
        world.beat("n1", healthy=False)
    assert world.beat("n1").status == "degraded"
    assert world.beat("n1").status == "ready"


def test_a_node_that_does_not_warm_up_is_degraded_and_told_why(world: World) -> None:
    world.register("n1")
    for _ in range(3):
        world.go(20_000)
        world.beat("n1", healthy=False)
        world.settle()
    assert status(world, "n1") == ("degraded", "status_not_ready")
    assert "warm-up" in world.node("n1")["status_reason"]
    assert told(world) == ["n1"]
    assert world.beat("n1").status == "ready"


@pytest.mark.parametrize(
    ("beats", "expected"),
    [
        ("---", "degraded"),
        ("-+-+-", "degraded"),
        ("-++--", "degraded"),
        ("--+++-", "ready"),
        ("+--", "ready"),
    ],
)
def test_three_unhealthy_in_a_row_or_in_five_degrade(world: World, beats: str, expected: str) -> None:
    world.ready("n1")
    states = [world.beat("n1", healthy=beat == "+").status for beat in beats]
    assert states[-1] == expected


def test_one_word_says_what_keeps_a_node_out(world: World) -> None:
    world.ready("n1")
    world.ready("n2")
    world.beat("n1", overloaded=True)
    assert kept_out(world, "resource_threshold_exceeded") == {"n1"}
    world.beat("n1")
    assert kept_out(world, "resource_threshold_exceeded") == set()
    world.ledger.nodes.drain("n2", "operator", "repair")
    assert kept_out(world, "draining") == {"n2"}


def test_breaker_opens_rests_longer_and_closes_with_one_success(world: World) -> None:
    world.ready("n1", slots=4)
    world.open()
    fails(world, "n1", 5)
    assert status(world, "n1") == ("ready", "breaker_open")
    assert world.reserve("waits").state == "waiting"
    world.go(world.settings.breaker_ms - 1)
    world.beat("n1")
    assert world.job("waits")["state"] == "waiting"
    world.go(1)
    world.settle()
    assert world.job("waits")["state"] == "failed"  # it waited 10 s, as long as the rest
    trial = world.started("trial")
    assert trial.node_id == "n1"
    assert world.reserve("second").state == "waiting", "one job at a time shows whether it works"
    world.ledger.jobs.complete("trial", "n1", 1, "retry", instance="web1", code="JOB_TIMEOUT", message="x")
    assert float(world.node("n1")["breaker_ms"]) == world.now_ms + 2 * world.settings.breaker_ms
    world.ledger.jobs.cancel("trial", "X", "x")
    world.ledger.jobs.cancel("second", "X", "x")
    world.go(2 * world.settings.breaker_ms)
    world.beat("n1")
    world.started("cured")
    world.ledger.jobs.complete("cured", "n1", 1, "ok", instance="web1")
    assert status(world, "n1") == ("ready", "")
    assert {world.reserve(f"more{number}").node_id for number in range(4)} == {"n1"}


@pytest.mark.parametrize("code", ["NODE_OVERLOADED", "MODEL_NOT_AVAILABLE"])
def test_full_is_no_failure(world: World, code: str) -> None:
    world.ready("n1")
    world.open()
    fails(world, "n1", 12, code)
    assert status(world, "n1") == ("ready", "")


def test_quarantine_moves_the_jobs_and_outlasts_a_registration(world: World) -> None:
    world.ready("n1")
    world.open()
    world.started("j1")
    world.ready("n2")
    world.ledger.nodes.drain("n1", "quarantine", "it lies")
    assert (world.job("j1")["node"], world.job("j1")["attempt"]) == ("n2", "2")
    assert [entry["kind"] for entry in world.inbox()] == ["status", "cancel", "dispatch"]
    world.register("n1", socket="again")
    assert world.beat("n1", socket="again").status == "draining"
    assert kept_out(world, "quarantined") == {"n1"}
    world.ledger.nodes.drain("n1", "node", "I drain myself")  # takes nothing from the operator's word
    world.ledger.nodes.drain("n1", "", "it told the truth")
    assert world.beat("n1", socket="again").status == "ready"


def test_quarantine_of_a_drained_node_is_told_once_and_its_reason_outlasts_a_registration(
    world: World,
) -> None:
    world.ready("n1")
    world.ledger.nodes.drain("n1", "operator", "repair")
    for _ in range(2):
        world.ledger.nodes.drain("n1", "quarantine", "it lies")
    assert told(world) == ["n1", "n1"]
    world.register("n1", socket="again")
    assert world.beat("n1", socket="again").reason == "it lies"


def test_an_operator_s_word_does_not_expire_with_the_record(world: World) -> None:
    world.ready("n1")
    world.ledger.nodes.drain("n1", "quarantine", "it lies")
    world.ledger.nodes.offline("n1", "so-n1", "closed", 0)
    key = world.keys.node("n1")
    assert world.store.command("PTTL", key) == -1
    world.ledger.nodes.drain("n1", "", "it told the truth")
    assert world.store.command("PTTL", key) > 0


def test_a_former_socket_cannot_drain_the_node(world: World) -> None:
    world.ready("n1")
    with pytest.raises(NodeReplaced):
        world.ledger.nodes.drain("n1", "node", "late", "former")
    assert status(world, "n1") == ("ready", "")


def test_report_and_ledger_are_reconciled_and_the_differences_counted(world: World) -> None:
    world.ready("n1", slots=3)
    world.open()
    for job in ("kept", "lost"):
        world.started(job)
    running = [("kept", 1), ("un|kno wn", 1), ("kept", 7), ("kept", -1)]
    registered = world.ledger.nodes.register(registration("n1", socket="again", running=running, slots=3))
    assert registered.aborts == (("un|kno wn", 1), ("kept", 7), ("kept", -1))
    assert world.job("kept")["state"] == "dispatched"
    assert (world.job("lost")["state"], world.job("lost")["node"]) == ("waiting", "")
    cell = world.dump().hash("cell")
    assert (cell["n_unknown_reported"], cell["n_lost_reported"]) == ("3", "1")


def test_a_heartbeat_is_reconciled_too_but_not_what_may_have_crossed_it(world: World) -> None:
    world.ready("n1", slots=3)
    world.open()
    for job in ("kept", "lost", "answered"):
        world.started(job)
    world.ledger.jobs.complete("answered", "n1", 1, "ok", instance="web1")
    running = [("kept", 1), ("answered", 1), ("unknown", 1)]
    assert world.beat("n1", running=3, attempts=running).aborts == (("unknown", 1),)
    assert world.job("lost")["state"] == "dispatched"
    for job in ("kept", "lost"):
        world.go(14_000)
        world.ledger.jobs.advance(job, "n1", 1, "progress", f"{job}-on", "web1")
        world.beat("n1")
    world.go(2000)
    world.started("young")
    assert world.beat("n1", running=2, attempts=[("kept", 1)]).aborts == ()
    states = [world.job(job)["state"] for job in ("kept", "lost", "young")]
    assert states == ["dispatched", "waiting", "dispatched"]
    assert world.beat("n1", attempts=[("kept", 1), ("lost", 1)]).aborts == (), (
        "it was told when it was retried"
    )
    cell = world.dump().hash("cell")
    assert (cell["n_unknown_reported"], cell["n_lost_reported"]) == ("1", "1")


def test_one_credential_cannot_make_classes_without_end(world: World) -> None:
    world.store.command("HSET", world.keys.cell, "max_classes", 2)
    for node, klass in (("n1", "A"), ("n2", "B")):
        world.register(node, klass=klass, credential="mine")
        world.ledger.nodes.set_pools(node, CLASSES[klass])
    world.register("n3", klass="C", credential="mine")
    with pytest.raises(TooManyClasses):
        world.ledger.nodes.set_pools("n3", CLASSES["C"])
    assert world.beat("n3", klass="C").status == "degraded"
    assert "credential" in world.node("n3")["status_reason"]
    assert not world.beat("n3", klass="C").dirty, "it would be looked at again with every heartbeat"
    world.register("n4", klass="C", credential="another")
    world.ledger.nodes.set_pools("n4", CLASSES["C"])
    assert world.beat("n4", klass="C").status == "ready"


def test_what_a_node_has_done_is_counted(world: World) -> None:
    world.ready("n1")
    world.open()
    for verdict in ("ok", "fail", "retry"):
        world.started(verdict)
        world.ledger.jobs.complete(verdict, "n1", 1, verdict, instance="web1", code="X", message="x")  # type: ignore[arg-type]
        world.ledger.jobs.cancel(verdict, "X", "x")
    record = world.node("n1")
    assert [record[name] for name in ("done", "failed", "retried")] == ["1", "1", "1"]


def test_an_id_without_a_credential_is_free_once_its_node_is_offline(world: World) -> None:
    """A server was open, and then wanted credentials: its nodes were refused their ids for a day."""
    world.register("n1", socket="open")
    with pytest.raises(NodeIdConflict):
        world.register("n1", socket="early", credential="mine")
    world.ledger.nodes.offline("n1", "open", "gone", 0)
    world.register("n1", socket="mine", credential="mine")
    world.ledger.nodes.offline("n1", "mine", "gone", 0)
    for other in ("", "another"):
        with pytest.raises(NodeIdConflict):
            world.register("n1", socket="thief", credential=other)
