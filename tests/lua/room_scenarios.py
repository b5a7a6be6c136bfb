"""Scenarios of the room scripts for ``test_twice``."""

import pytest

from scheduling.ledger import Member
from scheduling.ledger.codes import InRoom, NoRoom, NoRoomCode, RoomFull, RoomLanguagesFull
from tests.lua.twice import scenario
from tests.lua.world import World


def enter(world: World, session: str, lang: str = "", instance: str = "web1") -> None:
    """Open a session and have it join room 100000, or make that room if there is none."""
    world.open(session, instance, socket=f"socket-{session}")
    try:
        world.ledger.rooms.join("100000", session, instance, f"join-{session}", name=session, lang=lang)
    except NoRoom:
        world.ledger.rooms.create(session, instance, "id", ["100000"], name=session, lang=lang)


def members(world: World) -> list[Member]:
    return world.ledger.rooms.look("100000")[1]


@scenario("room_create")
def under_the_first_free_code(world: World) -> None:
    enter(world, "a", "pt")
    world.open("b")
    with pytest.raises(NoRoomCode):
        world.ledger.rooms.create("b", "web1", "other", ["100000"])
    assert world.ledger.rooms.create("b", "web1", "other", ["100000", "100001"]) == "100001"
    with pytest.raises(InRoom):
        world.ledger.rooms.create("b", "web1", "third", ["100002"])


@scenario("room_join")
def refused_and_joined(world: World) -> None:
    world.ledger.cell.store.command("HSET", world.keys.cell, "room_members", 3, "room_languages", 2)
    enter(world, "a", "pt")
    enter(world, "b", "de", instance="web2")
    with pytest.raises(InRoom):
        enter_again(world, "b")
    with pytest.raises(RoomLanguagesFull):
        enter(world, "c", "fr")
    enter(world, "c", "de")
    with pytest.raises(RoomFull):
        enter(world, "d")
    assert [member.session_id for member in members(world)] == ["a", "b", "c"]


def enter_again(world: World, session: str) -> None:
    world.ledger.rooms.join("100000", session, "web2", "another wish")


@scenario("room_leave")
def one_and_the_last(world: World) -> None:
    enter(world, "a", "pt")
    enter(world, "b", "pt")
    for session in ("a", "stranger", "b"):
        world.ledger.rooms.leave("100000", session)
    left = [key for key in world.dump().content if key.startswith("room")]
    assert not left
    assert "room" not in world.dump().hash("session:a")


@scenario("room_preference")
def set_and_set_back(world: World) -> None:
    enter(world, "a")
    enter(world, "b")
    for wanted in (False, True):
        world.ledger.rooms.prefer("100000", "a", "b", wanted=wanted)
        assert members(world)[0].wants_voice == {"b": wanted}
    world.ledger.rooms.prefer("100000", "a", "stranger", wanted=False)
    assert members(world)[0].wants_voice == {"b": True}


@scenario("room_speak")
def languages_of_the_others(world: World) -> None:
    enter(world, "a", "pt")
    assert world.ledger.rooms.speak("100000", "a") == []
    enter(world, "b", "de")
    enter(world, "c")
    assert world.ledger.rooms.speak("100000", "a") == ["de"]
    assert world.ledger.rooms.speak("100000", "c") == ["de", "pt"]
    enter(world, "d", "pt")
    assert world.ledger.rooms.speak("100000", "a") == ["de", "pt"]
    with pytest.raises(NoRoom):
        world.ledger.rooms.speak("100000", "stranger")


@scenario("room_touch")
def moved_to_another_instance(world: World) -> None:
    enter(world, "a")
    assert world.ledger.rooms.touch([("100000", "a"), ("100000", "b")], "web2") == [True, False]
    assert world.dump().hash("room:100000")["at:web1"] == "1", "another instance owns it"
    world.open("a", "web2", socket="again")
    world.ledger.rooms.touch([("100000", "a")], "web2")
    assert world.dump().hash("room:100000")["at:web2"] == "1"
    assert "at:web1" not in world.dump().hash("room:100000")


@scenario("room_relay")
def wanted_and_not(world: World) -> None:
    enter(world, "a")
    enter(world, "b", instance="web2")
    relay = world.ledger.rooms.relay
    assert relay("100000", "a", "b", "web1", "t1", "{}") == "web2"
    assert relay("100000", "b", "a", "web1", "t2", "{}") == "web1"
    world.ledger.rooms.prefer("100000", "b", "a", wanted=False)
    assert relay("100000", "a", "b", "web1", "t3", "{}") == ""
    assert relay("100000", "a", "stranger", "web1", "t4", "{}") == ""
    assert relay("100000", "stranger", "a", "web2", "t5", "{}") == ""
    kinds = [entry["kind"] for entry in world.inbox("web2")]
    assert kinds.count("signal") == 1
    assert "signal" not in [entry["kind"] for entry in world.inbox("web1")]


@scenario("room_sweep")
def idle_and_deserted(world: World) -> None:
    enter(world, "a")
    enter(world, "b", instance="web2")
    world.settle(sweeper="web1")
    world.settle(sweeper="web2")
    world.ledger.rooms.sweep(0)
    assert len(members(world)) == 2
    world.go(20_000)
    world.settle(sweeper="web1")
    world.ledger.rooms.sweep(0)
    assert [member.session_id for member in members(world)] == ["a"]
    world.go(world.settings.room_idle_ms)
    world.settle(sweeper="web1")
    world.ledger.rooms.sweep(0)
    assert [key for key in world.dump().content if key.startswith("room")] == []
    told = world.inbox("web1")[-1]
    assert told == {"kind": "room_expired", "room": "100000", "sessions": "a"}
