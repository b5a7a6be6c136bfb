"""A node that lists what it runs keeps it: leases and deadlines are renewed by the list."""

import pytest

from tests.lua.world import World


def lease_ends(world: World, node: str) -> set[float]:
    return set(world.dump().scores(f"leases:{node}").values())


def test_a_long_step_is_not_taken_from_a_node_that_lists_it(world: World) -> None:
    """A step that shows nothing for longer than ATTEMPT_MS was given to another node, while the first one
    still worked on it, and its result was refused as stale."""
    world.ready("n1")
    world.ready("n2")
    world.open()
    node = world.started("j1").node_id
    for _ in range(3):
        world.go(world.settings.attempt_ms // 2 + 1)
        world.beat("n1", attempts=[("j1", 1)] if node == "n1" else [])
        world.beat("n2", attempts=[("j1", 1)] if node == "n2" else [])
        world.settle()
        assert world.job("j1")["attempt"] == "1"
        assert lease_ends(world, node) == {
            min(world.now_ms + world.settings.attempt_ms, float(world.job("j1")["deadline_ms"]))
        }
    assert world.ledger.jobs.complete("j1", node, 1, "ok", instance="web1").state == "done"


def test_a_list_does_not_outlast_the_utterance(world: World) -> None:
    world.ready("n1")
    world.open()
    world.started("j1")
    for _ in range(4):
        world.go(world.settings.utterance_ms // 4)
        world.beat("n1", attempts=[("j1", 1)])
    world.settle()
    record = world.job("j1")
    assert (record["state"], record["code"]) == ("failed", "JOB_TIMEOUT")
    assert [entry["kind"] for entry in world.inbox() if entry["kind"] == "cancel"] == ["cancel"]
    assert lease_ends(world, "n1") == set()


def test_a_registration_renews_what_it_lists(world: World) -> None:
    world.ready("n1")
    world.open()
    world.started("j1")
    world.go(world.settings.attempt_ms - 1)
    world.register("n1", socket="so-again", running=[("j1", 1)])
    world.go(world.settings.attempt_ms - 1)
    world.settle()
    assert world.job("j1")["state"] == "dispatched"


def test_what_is_listed_was_sent(world: World) -> None:
    """Its sender died before it noted that: the node kept working on what the ledger gave to another one."""
    world.ready("n1")
    world.ready("n2")
    world.open()
    node = world.reserve("j1").node_id
    world.beat(node, attempts=[("j1", 1)])
    world.go(world.settings.dispatch_ms)
    world.settle()
    assert (world.job("j1")["state"], world.job("j1")["attempt"]) == ("dispatched", "1")


@pytest.mark.parametrize("listed", [("j1", 2), ("j2", 1), ("j1|1", 1)])
def test_only_its_own_running_attempts_are_renewed(world: World, listed: tuple[str, int]) -> None:
    world.ready("n1")
    world.ready("n2")
    world.open()
    node = world.started("j1").node_id
    other = {"n1": "n2", "n2": "n1"}[node]
    before = lease_ends(world, node)
    world.go(100)
    world.beat(other, attempts=[("j1", 1), listed])
    assert lease_ends(world, node) == before


@pytest.mark.parametrize("stage", ["accepted", "started"])
def test_a_node_that_goes_silent_after_it_acknowledged_loses_the_attempt(world: World, stage: str) -> None:
    """It is told to stop, and another one gets the job."""
    world.ready("n1", acks=True)
    world.ready("n2", acks=True)
    world.open()
    node = world.started("j1").node_id
    world.ledger.jobs.advance("j1", node, 1, stage, "said", "web1")  # type: ignore[arg-type]
    world.go(world.settings.attempt_ms)
    world.beat("n1")
    world.beat("n2")
    world.settle()
    record = world.job("j1")
    assert (record["state"], record["attempt"]) == ("assigned", "2")
    assert record["node"] != node
    kinds = [(entry["kind"], entry["node"]) for entry in world.inbox() if entry["kind"] != "status"]
    assert kinds == [("cancel", node), ("dispatch", record["node"])]


def test_what_a_heartbeat_says_of_the_node_holds_before_it_is_given_anything(world: World) -> None:
    """A heartbeat that told of other capabilities and of a lost utterance freed a slot, which went to a job
    of the capabilities it had before."""
    world.ready("n1", beat_ms=1000)
    world.open()
    world.started("j1")
    world.reserve("j2")
    world.go(1000)
    world.beat("n1", attempts=[("j1", 1)])
    world.go(1000)
    world.beat("n1", klass="B", changed=True, attempts=[])
    assert [world.job(job)["state"] for job in ("j1", "j2")] == ["waiting", "waiting"]
