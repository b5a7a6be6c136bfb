"""What a large room costs, and the ends of rooms that the state machine does not reach."""

import pytest

from scheduling.ledger import ReadyResult
from scheduling.ledger.codes import RoomFull, SessionMoved, UnknownSession
from scheduling.store.plain import PlainStore
from tests.lua.room_scenarios import enter
from tests.lua.world import World

CODE = "100000"
LISTENERS = 500


def said(order: int, tgt: str = "pt") -> ReadyResult:
    """What ``s0`` said in the room, in its turn."""
    return ReadyResult("s0", tgt, order, grouped=True, speech="voice", events="", main="{}", room=CODE)


@pytest.fixture
def large(store: PlainStore) -> World:
    """A room of one speaker and 500 listeners of one language, on two instances."""
    world = World(store, room_members=LISTENERS + 1)
    enter(world, "s0")
    for number in range(1, LISTENERS + 1):
        enter(world, f"s{number}", "pt", instance=f"web{1 + number % 2}")
    store.command("DEL", world.keys.inbox("web1"), world.keys.inbox("web2"))
    return world


def test_500_listeners_cost_one_message_and_a_reference_each(large: World) -> None:
    large.ledger.sessions.store(said(0))
    assert large.ledger.sessions.release("s0", "pt") == (1, False)
    found = large.dump()
    assert found.named("roommsg") == ["s0:pt:0"]
    assert "roommsg:s0:pt:0" in found.mortal
    for number in range(1, LISTENERS + 1):
        assert found.entries(f"out:s{number}") == [{"ref": "s0:pt:0"}]
        assert f"out:s{number}" in found.mortal
    assert [entry["main"] for entry in found.entries("out:s0")] == [""]


def test_500_listeners_cost_one_hint_for_each_instance(large: World) -> None:
    large.ledger.sessions.store(said(0))
    large.ledger.sessions.release("s0", "pt")
    hints = {instance: large.inbox(instance) for instance in ("web1", "web2")}
    assert [entry["kind"] for entry in hints["web2"]] == ["outs"]
    assert sorted(entry["kind"] for entry in hints["web1"]) == ["out", "outs"]
    told = [
        word for entries in hints.values() for entry in entries for word in entry.get("sessions", "").split()
    ]
    assert set(told[::2]) == {f"s{number}" for number in range(1, LISTENERS + 1)}


def test_a_long_run_is_released_in_bounded_steps(large: World) -> None:
    """One script must not hold up everybody else for ten results of 500 listeners."""
    for order in range(5):
        large.ledger.sessions.store(said(order))
    steps = [large.ledger.sessions.release("s0", "pt") for _ in range(3)]
    assert steps == [(2, True), (4, True), (5, False)]
    refs = [entry["ref"] for entry in large.dump().entries("out:s7")]
    assert refs == [f"s0:pt:{order}" for order in range(5)]


def test_result_of_a_room_that_ended_is_for_nobody_but_its_turn_passes(world: World) -> None:
    enter(world, "s0")
    enter(world, "s1", "pt")
    world.ledger.sessions.store(said(0))
    for session in ("s0", "s1"):
        world.ledger.rooms.leave(CODE, session)
    assert world.ledger.sessions.release("s0", "pt") == (1, False)
    assert not world.dump().named("roommsg")
    assert not world.dump().entries("out:s1")


def test_entering_needs_a_session_of_the_instance_and_a_place(store: PlainStore) -> None:
    world = World(store, room_members=2)
    with pytest.raises(UnknownSession):
        world.ledger.rooms.create("nobody", "web1", "id", [CODE])
    enter(world, "a")
    with pytest.raises(UnknownSession):
        world.ledger.rooms.join(CODE, "nobody", "web1", "t")
    world.open("b", "web1", "b")
    with pytest.raises(SessionMoved):
        world.ledger.rooms.join(CODE, "b", "web2", "t")
    enter(world, "b")
    with pytest.raises(RoomFull):
        enter(world, "c")


def test_a_member_that_may_come_back_outlives_its_instance(world: World) -> None:
    def present() -> set[str]:
        world.ledger.rooms.sweep(0)
        return {member.session_id for member in world.ledger.rooms.look(CODE)[1]}

    for session in ("a", "b", "detached"):
        if session != "a":
            world.ledger.sessions.open(session, "web1", f"socket-{session}", "{}", token="digest")
        enter(world, session)
    world.ledger.sessions.detach("detached", "socket-detached", 0, (0, 0))
    world.settle(sweeper="web1")
    assert present() == {"a", "b", "detached"}
    world.go(20_000)
    assert present() == {"b", "detached"}
    world.go(world.settings.resume_ms)
    assert present() == {"detached"}
    world.store.command("DEL", world.keys.session("detached"))  # it lapsed
    assert present() == set()


def test_whoever_entered_after_the_ledger_was_lost_is_not_taken_out_before_its_instance_is_heard(
    world: World,
) -> None:
    """A sweep of another instance came first: the owner of the session was known to nobody yet."""
    enter(world, "a")
    world.store.command("DEL", world.keys.instances)
    world.ledger.rooms.sweep(0)
    assert [member.session_id for member in world.ledger.rooms.look(CODE)[1]] == ["a"]
    world.go(60_000)
    world.ledger.rooms.sweep(0)
    assert not world.ledger.rooms.look(CODE)[1], "it never spoke up"


def test_sweeps_get_round_to_every_room(world: World) -> None:
    """A bounded batch each: no room is left out because others stand before it."""
    for number in range(150):
        session = f"s{number}"
        world.open(session, "web9", session)
        world.ledger.rooms.create(session, "web9", session, [str(200_000 + number)])
    world.go(60_000)
    start = 0
    for _ in range(4):
        start = world.ledger.rooms.sweep(start)
    assert not world.dump().scores("rooms")


def test_preferences_are_bounded_and_forget_who_left(world: World) -> None:
    def kept() -> dict[str, bool]:
        members = world.ledger.rooms.look(CODE)[1]
        return next(member.wants_voice for member in members if member.session_id == "s0")

    for number in range(130):
        enter(world, f"s{number}")
    for number in range(1, 130):
        world.ledger.rooms.prefer(CODE, "s0", f"s{number}", wanted=True)
    assert len(kept()) <= 101
    world.ledger.rooms.prefer(CODE, "s0", "s1", wanted=False)
    for number in range(2, 130):
        world.ledger.rooms.leave(CODE, f"s{number}")
    enter(world, "late")
    world.ledger.rooms.prefer(CODE, "s0", "late", wanted=False)
    assert kept() == {"s1": False, "late": False}
