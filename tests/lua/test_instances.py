"""What becomes of what a web process held that was declared dead, or that left; and of the process itself."""

import pytest

from scheduling.ledger.codes import NodeReplaced, SessionMoved, UnknownNode
from scheduling.ledger.instances import AT_ONCE
from tests.lua.instance_scenarios import held
from tests.lua.world import World, registration, result


def _alone(world: World) -> None:
    """``web1`` holds a node with a running job and two sessions, one of which can be resumed."""
    world.heard("web1")
    world.ready("n1")
    world.open()
    world.ledger.sessions.open("r", "web1", "phone", "{}", "digest")
    world.started("j1")
    world.ledger.jobs.advance("j1", "n1", 1, "started", "t", "web1")


def _dies(world: World, instance: str = "web1") -> None:
    """Nothing is heard of it, while its nodes go on with their heartbeats as far as anybody knows."""
    world.pass_swept(world.settings.instance_dead_ms)
    assert world.ledger.instances.end_dead() == [instance]


def test_nothing_is_left_of_a_dead_instance(world: World) -> None:
    """Its record, its inbox and the lists of what it held would be read by nobody, for ever."""
    _alone(world)
    world.store.command("SET", world.keys.instance("web1"), "{}")
    world.ledger.sessions.store(result(0))
    world.ledger.sessions.release("s", "pt")
    assert world.inbox(), "a hint of the result"
    _dies(world)
    for _ in range(14):
        world.go(5000)
        world.settle()
    found = world.dump()
    assert not [key for key in found.content if "web1" in key]
    assert not found.scores("instances")
    assert not found.hash("generations")
    assert world.node("n1")["owner"] == ""
    assert found.hash("session:s")["owner"] == found.hash("session:r")["owner"] == ""
    assert found.hash("cell")["n_instances_lost"] == "1"


def test_jobs_of_its_nodes_fail_over_after_the_grace(world: World) -> None:
    _alone(world)
    world.ready("n2", instance="web2", slots=2)
    _dies(world)
    assert world.node("n1")["why"] == "away"
    assert world.job("j1")["state"] == "started"
    world.go(world.settings.grace_ms)
    world.settle()
    assert world.node("n1")["status"] == "offline"
    assert (world.job("j1")["state"], world.job("j1")["node"]) == ("assigned", "n2")
    assert [entry["kind"] for entry in world.inbox("web2")] == ["dispatch"]


def test_a_node_that_comes_back_elsewhere_in_time_keeps_its_job(world: World) -> None:
    _alone(world)
    _dies(world)
    again = registration("n1", socket="so-again", instance="web2", running=[("j1", 1)])
    assert world.ledger.nodes.register(again).aborts == ()
    world.beat("n1", socket="so-again", running=1)
    world.go(world.settings.grace_ms)
    world.settle()
    assert world.job("j1")["state"] == "started"
    assert world.dump().members("instancenodes:web2") == {"n1"}
    assert world.ledger.jobs.complete("j1", "n1", 1, "ok", instance="web2").state == "done"


def test_nodes_that_have_come_back_before_are_left_alone(world: World) -> None:
    _alone(world)
    world.ledger.nodes.register(registration("n1", socket="so-again", instance="web2"))
    world.beat("n1", socket="so-again")
    _dies(world)
    assert world.node("n1")["owner"] == "web2"
    assert world.node("n1")["away"] == ""
    assert world.job("j1")["state"] == "started"


def test_its_sessions_wait_for_their_clients_at_once(world: World) -> None:
    """One that can be resumed has the time it always has; the client of any other has left."""
    _alone(world)
    _dies(world)

    def lives_ms(session: str) -> int:
        return int(world.store.command("PTTL", world.keys.session(session)))

    assert lives_ms("r") <= world.settings.resume_ms
    assert lives_ms("s") <= world.settings.retention_ms
    assert world.ledger.sessions.resume("r", "web2", "phone-again", "digest") is not None
    assert world.ledger.sessions.resume("s", "web2", "phone-again", "") is None
    assert set(world.dump().scores("instancesessions:web2")) == {"r"}


def test_much_is_settled_in_batches(world: World) -> None:
    world.heard("web1")
    for number in range(3 * AT_ONCE + 1):
        world.open(f"s{number}", socket=f"so{number}")
    world.pass_swept(world.settings.instance_dead_ms)
    assert world.ledger.instances.end_dead(most_batches=2) == []
    assert len(world.dump().scores("instancesessions:web1")) == AT_ONCE + 1
    assert world.ledger.instances.touch("web1", 1) is None, "it is dead, however much is left"
    assert world.ledger.instances.end_dead(most_batches=2) == ["web1"]


def test_one_that_comes_back_meanwhile_keeps_what_is_left(world: World) -> None:
    world.heard("web1")
    for number in range(AT_ONCE + 1):
        world.open(f"s{number}", socket=f"so{number}")
    world.pass_swept(world.settings.instance_dead_ms)
    assert world.ledger.instances.end_dead(most_batches=1) == []
    assert world.ledger.instances.touch("web1", 0) == 2
    assert world.ledger.instances.end_dead() == []
    assert len(world.dump().scores("instancesessions:web1")) == 1


def test_nobody_is_declared_dead_for_a_silence_of_the_ledger(world: World) -> None:
    """Redis stood still for so long; then the first process to come back declared all others dead."""
    for instance in ("web1", "web2"):
        world.heard(instance)
    world.pass_swept(world.settings.instance_dead_ms - 1000, sweeper="web1")
    world.go(world.settings.instance_dead_ms)
    world.settle(sweeper="web1")
    assert world.ledger.instances.end_dead() == []
    world.pass_swept(world.settings.instance_dead_ms - 1000, sweeper="web1")
    assert world.ledger.instances.end_dead() == []
    world.pass_swept(1000, sweeper="web1")
    assert world.ledger.instances.end_dead() == ["web2"], "it did not come back"


def test_the_living_are_let_live(world: World) -> None:
    world.heard("web1")
    world.pass_swept(world.settings.instance_dead_ms - 1)
    assert world.ledger.instances.touch("web1", 1) == 1
    world.pass_swept(1)
    assert world.ledger.instances.end_dead() == []
    assert world.ledger.instances.touch("web1", 1) == 1


def test_one_without_a_generation_is_not_declared_dead(world: World) -> None:
    """A process of the version before did not know of generations, and could not notice."""
    world.store.command("ZADD", world.keys.instances, world.now_ms, "old")
    world.heard("web1")
    world.pass_swept(world.settings.instance_dead_ms)
    assert world.ledger.instances.end_dead() == ["web1"], "it does not hide those behind it"
    world.go(world.settings.session_ms)
    world.pass_swept(world.settings.instance_dead_ms)
    assert world.ledger.instances.end_dead() == ["old"]


def test_its_nodes_are_nobodys_until_they_are_entered_again(world: World) -> None:
    """A paused process went on with heartbeats of a node: given work again, the node was never sent it,
    because nobody was told of assignments to a node that no instance owned.
    """
    _alone(world)
    _dies(world)
    with pytest.raises(UnknownNode):
        world.beat("n1")
    with pytest.raises(UnknownNode):
        world.ledger.nodes.touch("n1", "so-n1")
    with pytest.raises(UnknownNode):
        world.ledger.nodes.drain("n1", "node", "it leaves", "so-n1")
    assert not world.ledger.nodes.offline("n1", "so-n1", "closed late", 0)
    assert world.node("n1")["why"] == "away"
    world.ledger.nodes.register(registration("n1"), again=True)
    world.beat("n1", running=1)
    assert (world.node("n1")["owner"], world.node("n1")["why"]) == ("web1", "capacity_exceeded")
    assert world.job("j1")["state"] == "started"


def test_a_node_is_taken_back_from_nobody(world: World) -> None:
    _alone(world)
    _dies(world)
    world.ledger.nodes.register(registration("n1", socket="so-again", instance="web2"))
    with pytest.raises(NodeReplaced):
        world.ledger.nodes.register(registration("n1"), again=True)
    assert world.node("n1")["owner"] == "web2"


def test_a_session_is_opened_again_unless_somebody_has_it(world: World) -> None:
    _alone(world)
    _dies(world)
    with pytest.raises(SessionMoved):
        world.reserve("j2")
    assert world.ledger.sessions.restore([held("s", "client")])[0].held
    assert world.reserve("j2").job_id == "j2"
    assert "closed" not in world.dump().hash("session:s")
    world.ledger.sessions.resume("r", "web2", "phone-again", "digest")
    assert not world.ledger.sessions.restore([held("r", "phone", "digest")])[0].held


def test_lists_of_what_is_held_follow_sockets(world: World) -> None:
    world.heard("web1")
    _alone(world)
    world.open(session="t", socket="third")
    assert world.dump().members("instancenodes:web1") == {"n1"}
    assert set(world.dump().scores("instancesessions:web1")) == {"s", "r", "t"}
    world.ledger.nodes.offline("n1", "so-n1", "closed", 0)
    world.ledger.sessions.close("s", "client")
    world.ledger.sessions.detach("r", "phone", 1, (0, 0))
    world.store.command("DEL", world.keys.session("s"), world.keys.session("t"))  # as if they had lapsed
    world.go(world.settings.session_ms)
    world.heard("web1")
    assert not [key for key in world.dump().content if key.startswith(("instancenodes", "instancesessions"))]
    world.beat("n1")
    assert world.dump().members("instancenodes:web1") == {"n1"}, "it was only silent"


def test_partials_are_left_out_of_a_long_inbox_and_nothing_else(world: World) -> None:
    """A process that stalled lost assignments and hints of results, cut off by partials that came later."""
    world.heard("web1")
    world.ready("n1", slots=2)
    world.open(instance="web2")
    world.started("j1", instance="web2")
    filler = [("XADD", world.keys.inbox("web2"), "*", "kind", "event") for _ in range(1000)]
    world.store.commands(filler)

    def tell(stage: str, token: str) -> int:
        world.ledger.jobs.advance("j1", "n1", 1, stage, token, "web1", "[]")  # type: ignore[arg-type]
        return len(world.inbox("web2"))

    before = len(world.inbox("web2"))
    assert tell("progress", "t1") == before
    assert tell("accepted", "t2") == before + 1
    world.ledger.sessions.store(result(0))
    world.ledger.sessions.release("s", "pt")
    assert world.inbox("web2")[-1]["kind"] == "out"
