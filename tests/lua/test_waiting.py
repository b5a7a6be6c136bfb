"""The queue: whose turn it is, who may wait, and that large jobs get their place."""

import pytest

from scheduling.ledger.codes import QueueFull
from tests.lua.world import World


def served(world: World, node: str = "n1", most: int = 50) -> list[str]:
    """End the node's jobs one after the other; give those that came next, in their order."""
    order: list[str] = []
    for _ in range(most):
        running = [member.split("|")[0] for member in world.dump().scores(f"leases:{node}")]
        if not running:
            break
        job = running[0]
        attempt = int(world.job(job)["attempt"])
        done = world.ledger.jobs.complete(job, node, attempt, "ok", instance="web1")
        order += [handed.job_id for handed in done.handed]
    return order


def busy(world: World, slots: int = 1) -> None:
    """One node, all of whose slots are taken."""
    world.ready("n1", slots=slots)
    world.open()
    for number in range(slots):
        world.started(f"first{number}")


def test_one_tenant_is_served_in_the_order_of_asking(world: World) -> None:
    busy(world)
    names = [f"j{number}" for number in range(12)]
    for name in names:
        assert world.reserve(name).state == "waiting"
    assert served(world) == names


def test_a_tenant_that_floods_the_queue_delays_the_others_by_one_turn(world: World) -> None:
    busy(world)
    for number in range(10):
        world.reserve(f"flood{number}", tenant="flood")
    for number in range(3):
        world.reserve(f"calm{number}", tenant="calm")
    order = served(world)
    assert order[:6:2] == ["calm0", "calm1", "calm2"] or order[1:6:2] == ["calm0", "calm1", "calm2"]
    assert [name for name in order if name.startswith("flood")] == [f"flood{number}" for number in range(10)]


def test_who_was_idle_has_saved_up_nothing(world: World) -> None:
    """Else a tenant that comes back after an hour would have the system for itself."""
    busy(world)
    for number in range(40):
        world.reserve(f"steady{number}", tenant="steady")
    served(world, most=20)
    for number in range(40):
        world.reserve(f"late{number}", tenant="late")
    order = served(world, most=40)
    assert 10 <= sum(name.startswith("steady") for name in order) <= 20


def test_weights_share_the_slots(world: World) -> None:
    busy(world)
    for number in range(30):
        world.reserve(f"big{number}", tenant="big", weight=300)
        world.reserve(f"small{number}", tenant="small", weight=100)
    first = served(world, most=20)
    assert sum(name.startswith("big") for name in first) == pytest.approx(15, abs=2)


def test_a_high_class_goes_first_and_a_low_one_is_not_forgotten(world: World) -> None:
    busy(world)
    world.store.command("HSET", world.keys.cell, "gap_ms", 1000)  # a class is worth two turns then
    world.reserve("low", priority=2)
    for number in range(6):
        world.reserve(f"normal{number}")
    world.reserve("high", priority=0)
    order = served(world)
    assert order[0] == "high"
    assert order[1] == "normal0", "the low one asked first, and lags two turns behind that"
    assert order.index("low") < order.index("normal3")


def test_nobody_fills_the_queue_alone(world: World) -> None:
    limits = ("max_waiting", 10, "tenant_waiting_percent", 80)
    world.store.command("HSET", world.keys.cell, *limits)
    busy(world)
    for number in range(8):
        world.reserve(f"flood{number}", tenant="flood")
    with pytest.raises(QueueFull) as refusal:
        world.reserve("flood8", tenant="flood")
    assert refusal.value.wait_ms > 0
    assert [world.reserve(f"calm{number}", tenant="calm").state for number in range(2)] == ["waiting"] * 2
    with pytest.raises(QueueFull):
        world.reserve("calm2", tenant="calm")


def test_names_of_tenants_do_not_pile_up(world: World) -> None:
    busy(world)
    for number in range(5):
        world.reserve(f"j{number}", tenant=f"tenant{number}")
    served(world)
    assert world.dump().hash("fair") == {}


def test_a_large_job_is_not_passed_for_ever(world: World) -> None:
    """Small jobs took each slot as it came free, so two were never free at once."""
    busy(world, slots=2)
    world.reserve("large", cost=2)
    for number in range(4):
        world.reserve(f"small{number}")
    world.ledger.jobs.complete("first0", "n1", 1, "ok", instance="web1")
    assert world.job("small0")["state"] == "dispatched", "it has not waited for long yet"
    world.go(world.settings.large_hold_ms)
    world.ledger.jobs.complete("small0", "n1", 1, "ok", instance="web1")
    assert (world.job("small1")["state"], world.node("n1")["held_for"]) == ("waiting", "large")
    assert world.reserve("newcomer").state == "waiting"
    world.ledger.jobs.complete("first1", "n1", 1, "ok", instance="web1")
    assert (world.job("large")["state"], world.node("n1")["held_for"]) == ("dispatched", "")
    assert served(world) == ["small1", "small2", "small3", "newcomer"]


def test_only_one_node_is_kept_for_a_large_job(world: World) -> None:
    for name in ("n1", "n2"):
        world.ready(name, slots=2)
    world.open()
    for number in range(4):
        world.started(f"first{number}")
    world.reserve("large", cost=2)
    world.go(world.settings.large_hold_ms)
    world.beat("n1")
    world.beat("n2")
    for number in range(2):
        world.reserve(f"small{number}")
    for node in ("n1", "n2"):
        job = next(iter(world.dump().scores(f"leases:{node}"))).split("|")[0]
        world.ledger.jobs.complete(job, node, 1, "ok", instance="web1")
    states = [world.job(name)["state"] for name in ("large", "small0", "small1")]
    assert sorted(states) == ["dispatched", "waiting", "waiting"]


@pytest.mark.parametrize("end", ["cancelled", "too late", "node gone"])
def test_a_node_is_kept_no_longer_than_the_job_waits_for_it(world: World, end: str) -> None:
    busy(world, slots=2)
    world.reserve("large", cost=2)
    world.go(world.settings.large_hold_ms)
    world.ledger.jobs.complete("first0", "n1", 1, "ok", instance="web1")
    assert world.node("n1")["held_for"] == "large"
    if end == "cancelled":
        world.ledger.jobs.cancel("large", "X", "x")
        world.settle()
    elif end == "too late":
        world.go(world.settings.wait_ms)
        world.beat("n1")
        world.settle()
    else:
        world.ledger.nodes.offline("n1", "so-n1", "closed", 0)
        world.ready("n1", slots=2)
        assert world.job("large")["state"] in ("assigned", "dispatched")
        world.ledger.jobs.complete("large", "n1", 1, "ok", instance="web1")
    assert world.node("n1")["held_for"] == ""
    assert world.reserve("small").state == "dispatched"


def test_many_large_jobs_do_not_hide_a_small_one(world: World) -> None:
    """When the first eight that waited were too large for what was free, nobody behind them was looked at."""
    busy(world, slots=2)
    for number in range(12):
        world.reserve(f"large{number}", cost=2)
    world.reserve("small")
    world.ledger.jobs.complete("first0", "n1", 1, "ok", instance="web1")
    assert world.job("small")["state"] == "dispatched"
