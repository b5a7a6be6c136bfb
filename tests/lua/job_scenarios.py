"""Scenarios of `test_twice`: jobs and their attempts, to whatever end."""

import contextlib

import pytest

from scheduling.ledger import Dispatch, Stage
from scheduling.ledger.codes import NoNode, QueueFull, StaleAttempt
from tests.lua.twice import scenario, waiting
from tests.lua.world import World


@scenario("reserve")
def refused_because_it_would_wait_too_long(world: World) -> None:
    """A second run finds the mark that the first has left, under which less is let in."""
    world.store.command("HSET", world.keys.cell, "admit_wait_ms", 5000, "standing_wait_ms", 500)
    waiting(world)
    for number in range(10, 20):
        with contextlib.suppress(QueueFull):
            world.reserve(f"j{number}")
    assert any(name.startswith("refused:") for name in world.dump().hash("pace"))


@scenario("reserve")
def placed_and_waiting(world: World) -> None:
    waiting(world)


@scenario("reserve")
def on_a_node_of_another_instance(world: World) -> None:
    world.ready("n1", instance="web2")
    world.open()
    world.reserve("j1", cost=1)
    assert [entry["kind"] for entry in world.inbox("web2")] == ["dispatch"]


@scenario("reserve")
def nobody_there(world: World) -> None:
    world.open()
    with pytest.raises(NoNode):
        world.reserve("j1", version=0)
    with pytest.raises(NoNode):
        world.reserve("j2", version=7)


@scenario("reserve")
def upkeep_on_the_way(world: World) -> None:
    waiting(world)
    world.go(2000)
    world.reserve("j9")


@scenario("advance_attempt")
def all_stages(world: World) -> None:
    world.ready("n1")
    world.open(instance="web2")
    world.reserve("j1", instance="web2")
    stages: tuple[Stage, ...] = ("dispatched", "accepted", "started", "progress", "progress")
    for token, stage in enumerate(stages):
        world.go(100)
        world.ledger.jobs.advance("j1", "n1", 1, stage, str(token), "web1", "[]")
    assert len([entry for entry in world.inbox("web2") if entry["kind"] == "event"]) == 5


@scenario("note_dispatched")
def several_sent_at_once(world: World) -> None:
    world.ready("n1", slots=2)
    world.open(instance="web2")
    for job in ("j1", "j2"):
        world.reserve(job, instance="web2")
    sent = [Dispatch(job, "n1", 1, f"{job}-sent", "[]") for job in ("j1", "j2", "gone")]
    world.ledger.jobs.submit_dispatched(sent, "web1").wait()
    assert [world.job(job)["state"] for job in ("j1", "j2")] == ["dispatched", "dispatched"]
    assert len([entry for entry in world.inbox("web2") if entry["kind"] == "event"]) == 2


@scenario("complete")
def handed_on(world: World) -> None:
    waiting(world)
    done = world.ledger.jobs.complete("j0", "n1", 1, "ok", instance="web1", result="{}")
    assert [handed.job_id for handed in done.handed] == ["j2"]


@scenario("complete")
def handed_on_elsewhere(world: World) -> None:
    waiting(world)
    assert not world.ledger.jobs.complete("j0", "n1", 1, "ok", instance="web2", result="{}").handed


@scenario("complete")
def retried_until_it_fails(world: World) -> None:
    world.ready("n1")
    world.open()
    world.reserve("j1")
    for attempt in (1, 2, 3):
        state = world.ledger.jobs.complete("j1", "n1", attempt, "retry", instance="web1", code="X").state
        world.go(1000)
        world.settle()
    assert state == "failed"


@scenario("complete")
def too_late(world: World) -> None:
    world.ready("n1", instance="web2")
    world.open()
    world.reserve("j1")
    world.go(2000)
    world.settle()
    with pytest.raises(StaleAttempt):
        world.ledger.jobs.complete("j1", "n1", 1, "ok", instance="web1")


@scenario("requeue")
def undeliverable(world: World) -> None:
    waiting(world)
    world.ready("n2")
    assert world.ledger.jobs.requeue("j0", "n1", 1, "NODE_UNAVAILABLE", "gone") == "retried"


@scenario("cancel")
def running_and_waiting(world: World) -> None:
    waiting(world)
    world.ledger.jobs.advance("j0", "n1", 1, "dispatched", "t", "web1")
    for job in ("j0", "j4"):
        assert world.ledger.jobs.cancel(job, "CANCELLED", "by wish") == "cancelled"


@scenario("settle_deadlines")
def everything_lapses(world: World) -> None:
    waiting(world)
    for _ in range(14):
        world.go(5000)
        world.settle()
    assert len(world.outbox()) == 5


def killed(world: World) -> None:
    """Job ``j0`` took three nodes with it."""
    for number in range(3):
        world.ready(f"n{number}")
    world.open()
    world.reserve("j0")
    for attempt in (1, 2, 3):
        node = world.job("j0")["node"]
        world.ledger.jobs.advance("j0", node, attempt, "dispatched", f"t{attempt}", "web1")
        world.ledger.nodes.offline(node, f"so-{node}", "gone", 0)
    assert set(world.dump().scores("dead")) == {"j0"}


@scenario("node_offline")
def a_job_that_kills_nodes(world: World) -> None:
    killed(world)


@scenario("settle_deadlines")
def a_job_that_hangs_nodes(world: World) -> None:
    for number in range(3):
        world.ready(f"n{number}", acks=True)
    world.open()
    world.started("j0")
    for attempt in (2, 3):
        world.go(world.settings.ack_ms)
        world.settle()
        node = world.job("j0")["node"]
        world.ledger.jobs.advance("j0", node, attempt, "dispatched", f"t{attempt}", "web1")
    world.go(world.settings.ack_ms)
    world.settle()
    assert set(world.dump().scores("dead")) == {"j0"}
    assert {world.node(f"n{number}")["strikes"] for number in range(3)} == {"0"}


@scenario("drop_dead")
def done_with(world: World) -> None:
    killed(world)
    world.ledger.dead.drop("j0")
    world.ledger.dead.drop("ghost")
    assert not [key for key in world.dump().content if key.startswith("dead")]


@scenario("note_replay")
def placed_again(world: World) -> None:
    killed(world)
    for number in range(20):
        assert world.ledger.dead.note_replay("j0", f"again-{number}")
    noted = world.dump().hash("dead:j0")["replays"].split()
    assert noted == [f"again-{number}" for number in range(4, 20)]
    assert not world.ledger.dead.note_replay("ghost", "again")


@scenario("note_action")
def operators_act(world: World) -> None:
    """A repeated call is known even when others were noted in between; the oldest record goes."""
    cell = world.ledger.cell
    for number in range(3):
        cell.call("note_action", [cell.keys.audit], [f"t{number}", 2, 86_400_000, f"{number}"])
    cell.call("note_action", [cell.keys.audit], ["t1", 2, 86_400_000, "1"])
    assert [entry["action"] for entry in world.dump().entries("audit")] == ["1", "2"]
