"""The failings of the earlier server that the ledger alone can show not to come back.

Numbers are those of the list of failings; each docstring tells what went wrong then.
"""

import pytest

from scheduling.ledger.codes import NoNode, StaleAttempt
from tests.lua.world import CLASSES, DE, POOLS, PT, World


def leases(world: World, node: str) -> set[str]:
    return set(world.dump().scores(f"leases:{node}"))


def test_1_two_verdicts_free_one_slot(world: World) -> None:
    """Two decrements for one job: a repeated result freed the slot of another job."""
    world.ready("n1", slots=2)
    world.open()
    world.started("j1")
    world.started("j2")
    for _ in range(2):
        world.ledger.jobs.complete("j1", "n1", 1, "ok", instance="web1", result="{}")
    assert leases(world, "n1") == {"j2|1|1"}


def test_1_node_that_never_acknowledges_is_not_held_to_it(world: World) -> None:
    """A node that never acknowledged lost its job to a time-out and decremented somebody else's slot."""
    world.ready("silent", slots=1, acks=False)
    world.open()
    world.started("j1")
    world.go(world.settings.ack_ms + 1)
    world.settle()
    assert world.job("j1")["state"] == "dispatched"
    assert world.ledger.jobs.complete("j1", "silent", 1, "ok", instance="web1").state == "done"
    assert leases(world, "silent") == set()


def test_1_node_that_acknowledges_is_held_to_it(world: World) -> None:
    world.ready("n1", acks=True)
    world.ready("n2", acks=True)
    world.open()
    first = world.started("j1").node_id
    world.go(world.settings.ack_ms + 1)
    world.settle()
    record = world.job("j1")
    assert (record["state"], record["attempt"]) == ("assigned", "2")
    assert record["node"] != first
    assert leases(world, first) == set()


def test_2_expired_reservation_gives_its_slot_back(world: World) -> None:
    """An expired reservation never gave its slot back: the node stayed full for ever."""
    world.ready("n1", instance="web2")
    world.open()
    world.reserve("lost")  # who holds the node's socket dies: nobody dispatches
    world.reserve("next")
    assert world.job("next")["state"] == "waiting"
    world.go(world.settings.dispatch_ms)
    world.settle()
    assert leases(world, "n1") == {"next|1|1"}


def test_3_waiting_job_is_served_as_soon_as_a_slot_frees(world: World) -> None:
    """A pending job was never tried again."""
    world.ready("n1")
    world.open()
    world.started("j1")
    assert world.reserve("j2").state == "waiting"
    handed = world.ledger.jobs.complete("j1", "n1", 1, "ok", instance="web1").handed
    assert [(job.job_id, job.attempt) for job in handed] == [("j2", 1)]


def test_3_no_node_is_said_at_once(world: World) -> None:
    """With no node the client heard nothing for 10 s and then of a time-out; the number it took was lost."""
    world.open()
    with pytest.raises(NoNode):
        world.reserve("j1")
    assert "order:pt" not in world.dump().hash("session:s")


def test_3_wait_ends_with_an_answer(world: World) -> None:
    world.ready("n1")
    world.open()
    world.started("j1")
    world.reserve("j2")
    world.go(world.settings.wait_ms)
    world.settle()
    assert world.job("j2")["code"] == "NO_AVAILABLE_NODE"
    assert world.outbox() == ["j2"]


def test_5_late_result_of_an_earlier_attempt_changes_nothing(world: World) -> None:
    """A late result of attempt 1 was shown, and attempt 2's dropped as its duplicate."""
    world.ready("n1")
    world.ready("n2")
    world.open()
    first = world.started("j1").node_id
    second = {"n1": "n2", "n2": "n1"}[first]
    world.go(world.settings.attempt_ms - 1)
    world.beat("n1")
    world.beat("n2")
    world.go(1)
    world.settle()
    with pytest.raises(StaleAttempt):
        world.ledger.jobs.complete("j1", first, 1, "ok", instance="web1", result='"first"')
    with pytest.raises(StaleAttempt):
        world.ledger.jobs.complete("j1", first, 2, "ok", instance="web1", result='"foreign"')
    assert (
        world.ledger.jobs.complete("j1", second, 2, "ok", instance="web1", result='"second"').state == "done"
    )
    assert world.job("j1")["result"] == '"second"'
    assert world.outbox() == ["j1"]


def test_8_late_close_of_an_old_socket_changes_nothing(world: World) -> None:
    """The stale socket of a node closed late and took the freshly registered node offline."""
    world.ready("n1")
    world.register("n1", socket="so-new", instance="web2")
    world.beat("n1", socket="so-new")
    before = world.dump()
    assert not world.ledger.nodes.offline("n1", "so-n1", "closed", 0)
    assert world.dump() == before
    assert world.node("n1")["status"] == "ready"


def test_8_offline_node_comes_back_by_heartbeat(world: World) -> None:
    """An offline node never came back by heartbeat."""
    world.ready("n1")
    world.go(world.settings.silence_ms)
    world.settle()
    assert world.node("n1")["status"] == "offline"
    assert world.beat("n1").status == "ready"
    world.open()
    assert world.reserve("j1").node_id == "n1"


def test_16_reported_running_jobs_never_overwrite_leases(world: World) -> None:
    """The number of running jobs a node reported zeroed its reservations."""
    world.ready("n1", slots=2)
    world.open()
    world.started("j1")
    assert world.beat("n1", running=0).free_slots == 1
    assert leases(world, "n1") == {"j1|1|1"}


def test_16_what_a_node_runs_beyond_its_leases_is_held_back(world: World) -> None:
    world.ready("n1", slots=3)
    world.open()
    world.started("j1")
    assert world.beat("n1", running=2).free_slots == 1
    assert world.beat("n1", running=1).free_slots == 2


def test_3_waiting_job_is_served_by_a_node_that_joins_its_pool(world: World) -> None:
    world.ready("n1")
    world.open()
    world.started("j1")
    world.reserve("j2")
    world.register("n2", klass="C")
    world.beat("n2", klass="C")
    world.ledger.nodes.link(PT, [POOLS["C"]])
    world.ledger.nodes.set_pools("n2", CLASSES["C"], [POOLS["C"]])
    assert leases(world, "n2") == {"j2|1|1"}


def test_3_waiting_jobs_are_served_in_the_order_they_came(world: World) -> None:
    """Across requirements too."""
    world.ready("n1", "C")
    world.open()
    for number, requirement in enumerate([PT, DE, PT, PT, DE]):
        world.reserve(f"j{number}", requirement=requirement, pools=[POOLS["C"]])
    for number in range(4):
        done = world.ledger.jobs.complete(f"j{number}", "n1", 1, "ok", instance="web1")
        assert [job.job_id for job in done.handed] == [f"j{number + 1}"]


def test_3_retried_job_keeps_its_place(world: World) -> None:
    """It came first, so it is served before those who wait since then."""
    world.ready("n1")
    world.open()
    world.started("first")
    world.reserve("second")
    world.ledger.jobs.requeue("first", "n1", 1, "NODE_UNAVAILABLE", "")
    assert leases(world, "n1") == {"second|1|1"}  # the node it failed on goes to the next
    world.reserve("third")
    world.ready("n2")
    assert leases(world, "n2") == {"first|2|1"}
