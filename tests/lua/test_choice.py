"""The choice among free nodes: least load, and the wishes that go before it."""

import pytest

from tests.lua.world import World


def wish(world: World, **limits: int) -> None:
    for name, value in limits.items():
        world.store.command("HSET", world.keys.cell, name, value)


def three(world: World, slots: int = 4) -> None:
    for name in ("n1", "n2", "n3"):
        world.ready(name, slots=slots)
    world.open()


def finish(world: World, job: str) -> None:
    world.ledger.jobs.complete(job, world.job(job)["node"], 1, "ok", instance="web1")


def test_least_relative_load_first_and_equals_in_turn(world: World) -> None:
    world.ready("small", slots=2)
    world.ready("large", slots=8)
    world.open()
    nodes = [world.reserve(f"j{number}").node_id for number in range(10)]
    assert nodes[2:].count("large") == 7
    assert (nodes.count("small"), nodes.count("large")) == (2, 8)


def test_equally_loaded_nodes_take_turns(world: World) -> None:
    three(world)
    nodes = []
    for number in range(6):
        nodes.append(world.reserve(f"j{number}").node_id)
        finish(world, f"j{number}")
    assert nodes[:3] == nodes[3:]
    assert len(set(nodes)) == 3


def test_a_preferred_node_is_taken_while_it_can_be(world: World) -> None:
    three(world, slots=2)
    assert [world.reserve(f"j{number}", preferred_node="n2").node_id for number in range(2)] == ["n2", "n2"]
    assert world.reserve("elsewhere", preferred_node="n2").node_id != "n2"
    finish(world, "j0")
    world.ledger.nodes.drain("n2", "operator", "repair")
    assert world.reserve("drained", preferred_node="n2").node_id != "n2"
    assert world.reserve("unknown", preferred_node="nobody").state == "dispatched"


def test_a_session_stays_with_its_node_inside_the_load_window_only(world: World) -> None:
    wish(world, affinity_percent=50)
    three(world)
    own = world.reserve("j0").node_id
    assert world.reserve("j1").node_id == own
    assert world.reserve("j2").node_id == own, "2 of 4 slots against none is still within the window"
    assert world.reserve("j3").node_id != own, "3 of 4 against none is not"


def test_affinity_ends_at_once_when_the_node_drains(world: World) -> None:
    wish(world, affinity_percent=50)
    three(world)
    own = world.reserve("j0").node_id
    world.ledger.nodes.drain(own, "node", "I leave")
    assert world.reserve("j1").node_id != own


def test_a_node_whose_models_are_warm_goes_before_an_equal_one(world: World) -> None:
    wish(world, affinity_percent=50)
    three(world)
    world.open("other", "web1", "socket2")
    warm = world.reserve("j0").node_id
    assert world.reserve("j1", session="other").node_id == warm


def test_without_the_window_there_is_no_affinity(world: World) -> None:
    three(world)
    first = world.reserve("j0").node_id
    finish(world, "j0")
    assert world.reserve("j1").node_id != first


def test_spread_sends_what_a_session_says_next_elsewhere(world: World) -> None:
    wish(world, spread_ms=500)
    world.ready("n1", slots=8)
    world.open()
    assert [world.reserve(f"j{number}").node_id for number in range(2)] == ["n1", "n1"], "no other is there"
    world.ready("n2", slots=1)
    assert world.reserve("j2").node_id == "n2"
    finish(world, "j2")
    assert world.reserve("j3").node_id == "n1", "it was on n2 a moment ago, which is empty"
    world.go(500)
    assert world.reserve("j4").node_id == "n2"


@pytest.mark.parametrize(("acks", "patience"), [(False, "attempt_ms"), (True, "ack_ms")])
def test_what_the_asker_sends_itself_counts_as_sent(world: World, acks: bool, patience: str) -> None:
    """It holds the node's socket, so there is nothing to note after it; the attempt has its time at once."""
    world.ready("n1", acks=acks)
    world.open()
    placed = world.reserve("j1")
    assert placed.sends("web1")
    assert not placed.sends("web2")
    assert world.inbox() == []
    due = world.now_ms + getattr(world.settings, patience)
    assert world.dump().scores("leases:n1") == {"j1|1|1": due}
    assert world.dump().scores("deadlines")["j|j1"] == due
    assert world.reserve("again", request="request-j1").sends("web1"), "who asks again has not sent it yet"


def test_what_another_instance_sends_is_noted_by_it(world: World) -> None:
    world.ready("n1", instance="web2")
    world.open()
    placed = world.reserve("j1")
    assert placed.state == "assigned"
    assert not placed.sends("web1")
    assert [entry["kind"] for entry in world.inbox("web2") if entry["kind"] == "dispatch"] == ["dispatch"]
    assert world.dump().scores("leases:n1") == {"j1|1|1": world.now_ms + world.settings.dispatch_ms}
