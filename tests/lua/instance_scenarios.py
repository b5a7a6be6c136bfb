"""What instances do, for `test_twice`: each of these scripts runs twice."""

from scheduling.ledger.sessions import Held, Restored
from tests.lua.twice import scenario
from tests.lua.world import World


@scenario("touch_instance")
def begun_ended_and_begun_again(world: World) -> None:
    touch = world.ledger.instances.touch
    assert touch("web1", 0) == 1
    assert touch("web1", 1) == 1
    world.open()
    world.go(world.settings.session_ms)
    assert touch("web1", 1) == 1, "the session is looked at"
    world.ledger.instances.leave("web1")
    assert touch("web1", 1) is None
    assert touch("web1", 0) == 2


@scenario("end_instance")
def with_nodes_jobs_and_sessions(world: World) -> None:
    world.heard("web1")
    world.ready("n1", slots=2)
    world.open()
    for number in range(3):
        world.reserve(f"j{number}")
    world.ledger.sessions.open("r", "web1", "another", "{}", "digest")
    world.pass_swept(world.settings.instance_dead_ms)
    assert world.ledger.instances.end_dead() == ["web1"]
    assert world.ledger.instances.end_dead() == []


@scenario("end_instance")
def that_was_heard_since(world: World) -> None:
    world.heard("web1")
    world.pass_swept(world.settings.instance_dead_ms - 1)
    assert world.ledger.instances.end_dead() == []
    assert world.ledger.instances.end("web1", world.settings.instance_dead_ms) is None


@scenario("restore_session")
def given_up_and_taken_back(world: World) -> None:
    world.heard("web1")
    world.open()
    world.ledger.instances.leave("web1")
    assert world.ledger.sessions.restore([held("s", "client")]) == [Restored(held=True, behind=True, lost=0)]
    assert world.ledger.sessions.restore([held("s", "another")]) == [Restored(False, False, 0)]
    assert set(world.dump().scores("instancesessions:web1")) == {"s"}


def held(session: str, socket: str, token: str = "") -> Held:
    """Give what an instance knows of a session in which nothing was said."""
    return Held(session, "web1", socket, 1, token, "{}", "E.7", 0, 0, (0, 0), {}, [])
