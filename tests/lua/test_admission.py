"""Who may wait in an overload, and who is told at once that it would take too long."""

import pytest

from scheduling.ledger.codes import QueueFull
from scheduling.store.plain import PlainStore
from tests.lua.world import POOLS, World

ADMIT_MS, STANDING_MS = 5000, 500


@pytest.fixture
def world(store: PlainStore) -> World:
    """Give a cell with the bounds that are set by default."""
    return World(store, admit_wait_ms=ADMIT_MS, standing_wait_ms=STANDING_MS)


def busy(world: World, slots: int, work_ms: int) -> None:
    """One node whose jobs are known to take a time, all of whose slots are taken."""
    world.ready("n1", slots=slots)
    world.open()
    for number in range(slots):
        world.started(f"first{number}")
    world.go(work_ms)
    world.beat("n1")
    for number in range(slots):
        world.ledger.jobs.complete(f"first{number}", "n1", 1, "ok", instance="web1")
    for number in range(slots):
        world.started(f"second{number}")


def fill(world: World, most: int = 100, **changes: object) -> tuple[int, int]:
    """Ask until one is refused; give how many were let in and the wait that the refused one was told."""
    for number in range(most):
        try:
            world.reserve(f"{changes.get('tenant', 'j')}{world.now_ms}-{number}", **changes)
        except QueueFull as refusal:
            return number, refusal.wait_ms
    raise AssertionError("nobody was refused")


def waiting(world: World) -> list[str]:
    found = world.dump()
    return [name for queue in found.named("waiting") for name in found.scores(f"waiting:{queue}")]


def finish_one(world: World) -> None:
    job, attempt, _ = min(world.dump().scores("leases:n1")).split("|")
    world.ledger.jobs.complete(job, "n1", int(attempt), "ok", instance="web1")


def test_a_rolling_restart_is_no_overload(world: World) -> None:
    """While the sockets of most nodes were on their way to another process, what people said was refused by
    the pace of the few that were there, and for as long as refusals went on by a tenth of it.
    """
    busy(world, slots=4, work_ms=1000)
    world.ready("n2", slots=1)
    world.started("third")
    world.ledger.nodes.offline("n1", "so-n1", "its server restarts", 30_000)
    admitted, _ = fill(world)
    assert admitted == 5 * ADMIT_MS // 1000


def test_in_an_overload_jobs_waited_in_vain(world: World) -> None:
    """Up to 10,000 were let in whatever the pace: each waited for 10 s, and most were given up after that."""
    busy(world, slots=4, work_ms=1000)
    admitted, wait_ms = fill(world)
    assert admitted == 4 * ADMIT_MS // 1000
    assert wait_ms == ADMIT_MS + 250
    assert world.dump().hash("cell")["waiting"] == str(admitted)


def test_who_is_let_in_is_told_how_long_it_will_be(world: World) -> None:
    busy(world, slots=4, work_ms=1000)
    assert [world.reserve(f"j{number}").wait_ms for number in range(3)] == [250, 500, 750]
    assert world.reserve("again", request="request-j2").wait_ms == 750
    assert "wait" not in world.job("first0")
    assert world.reserve("again", request="request-first0").wait_ms == 0


def test_while_an_overload_lasts_the_queue_is_kept_short(world: World) -> None:
    """A full queue stayed full: whoever was let in waited as long as ever one may, for no job more done."""
    busy(world, slots=4, work_ms=1000)
    fill(world)
    waits = []
    for _ in range(60):  # four jobs a second end, eight are asked for
        world.go(250)
        world.beat("n1")
        finish_one(world)
        for number in range(2):
            try:
                waits.append(world.reserve(f"late{world.now_ms}-{number}").wait_ms)
            except QueueFull as refusal:
                assert refusal.wait_ms > STANDING_MS
    assert len(waits) > 20
    assert max(waits) <= STANDING_MS


def test_a_burst_may_wait_again_when_the_overload_is_over(world: World) -> None:
    busy(world, slots=4, work_ms=1000)
    for name in waiting(world) if fill(world) else ():
        world.ledger.jobs.cancel(name, "X", "x")
    world.go(32 * 250 - 1)  # what 32 jobs take
    world.beat("n1")
    assert fill(world)[0] == STANDING_MS // 250
    for name in waiting(world):
        world.ledger.jobs.cancel(name, "X", "x")
    world.go(32 * 250)
    world.beat("n1")
    assert fill(world)[0] == ADMIT_MS // 250


def test_one_may_always_wait_so_that_no_slot_is_idle(world: World) -> None:
    busy(world, slots=1, work_ms=8000)
    assert world.reserve("j0").wait_ms == 8000
    with pytest.raises(QueueFull) as refusal:
        world.reserve("j1")
    assert refusal.value.wait_ms == 16_000


def test_who_floods_is_refused_and_the_others_are_not(world: World) -> None:
    busy(world, slots=4, work_ms=1000)
    fill(world, tenant="flood")
    for number in range(3):
        assert world.reserve(f"calm{number}", tenant=f"calm{number}").wait_ms <= 1000
        with pytest.raises(QueueFull):
            world.reserve("more", tenant="flood")


def test_a_class_below_is_refused_before_the_one_above(world: World) -> None:
    busy(world, slots=4, work_ms=1000)
    fill(world, priority=1)
    with pytest.raises(QueueFull):
        world.reserve("low", priority=2)
    assert world.reserve("high", priority=0).state == "waiting"


def test_nobody_is_refused_beside_a_free_slot(world: World) -> None:
    busy(world, slots=4, work_ms=1000)
    fill(world)
    world.ready("n2", slots=64)  # takes all that wait
    assert world.reserve("next").state == "dispatched"


def test_a_job_that_was_accepted_is_not_refused_when_it_fails_over(world: World) -> None:
    busy(world, slots=4, work_ms=1000)
    fill(world)
    assert world.ledger.jobs.requeue("second0", "n1", 1, "X", "x") == "retried"
    assert world.job("second0")["state"] == "waiting"


def test_a_refusal_leaves_nothing_but_its_time(world: World) -> None:
    """It takes no order number, and the next job of its tenant stands no further behind for it."""
    busy(world, slots=1, work_ms=4000)
    world.reserve("j0")
    before = world.dump()
    for _ in range(2):
        with pytest.raises(QueueFull):
            world.reserve("j1")
    after = world.dump()
    changed = {name for name in after.content if after.content[name] != before.content.get(name)}
    assert changed == {"pace"}


def test_what_nodes_that_left_did_counts_no_more(world: World) -> None:
    busy(world, slots=1, work_ms=8000)
    world.ledger.nodes.offline("n1", "so-n1", "closed", 0)
    assert world.dump().hash("pace") == {}


def test_jobs_wait_for_nodes_that_may_come_back(world: World) -> None:
    """A web process that restarts takes its nodes with it for a moment: nobody knows the pace then."""
    busy(world, slots=1, work_ms=8000)
    world.ledger.nodes.offline("n1", "so-n1", "closed", 0)
    assert [world.reserve(f"j{number}").state for number in range(20)] == ["waiting"] * 20


def test_nobody_is_let_in_to_nodes_that_do_not_work(world: World) -> None:
    """While all nodes rested, their breakers open, all jobs were let in, and given up after 10 s in vain."""
    busy(world, slots=1, work_ms=1000)
    world.beat("n1", overloaded=True)
    world.store.command("DEL", f"{world.keys.prefix}poolrests:{POOLS['A']}")  # it lapses by itself
    assert fill(world)[0] == 8
