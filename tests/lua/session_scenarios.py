"""Scenarios of `test_twice`: sessions, and the results they are sent in order."""

from dataclasses import replace

from scheduling.ledger.sessions import Held, Refusal, Restored, Unanswered
from tests.lua.twice import scenario
from tests.lua.world import World, result


@scenario("open_session")
def taken_over(world: World) -> None:
    world.open()
    world.open(instance="web2", socket="client-again")


@scenario("close_session")
def closed(world: World) -> None:
    world.open()
    assert world.ledger.sessions.close("s", "client")
    assert not world.ledger.sessions.close("s", "another")


@scenario("resume_session")
def resumed_elsewhere(world: World) -> None:
    world.ledger.sessions.open("s", "web1", "client", "{}", "digest")
    world.ledger.sessions.store(result(0))
    world.ledger.sessions.release("s", "pt")
    assert world.ledger.sessions.resume("s", "web2", "client-again", "guess") is None
    resumed = world.ledger.sessions.resume("s", "web2", "client-again", "digest")
    assert resumed is not None and (resumed.first_kept, resumed.last) == (1, 1)
    assert [entry["kind"] for entry in world.inbox()] == ["out", "moved"]


@scenario("restore_session")
def told_by_its_owner(world: World) -> None:
    """All that a restore can find behind, once each; then nothing is, and then another one holds it."""
    world.ready("n1")
    world.open()
    world.reserve("j1")
    world.ledger.sessions.store(result(0))
    world.ledger.sessions.release("s", "pt")
    running = [Unanswered("pt", order, "", f'{{"lost":{order}}}') for order in (0, 1, 2, -5)]
    held = Held("s", "web1", "client", 1, "", "{}", "E.7", 1, 5, (4, 0), {"pt": (3, 0)}, running)
    assert world.ledger.sessions.restore([held]) == [Restored(held=True, behind=True, lost=3)]
    kept = [(entry["order"], entry["main"]) for entry in world.dump().entries("out:s")]
    assert kept == [("0", '{"order": 0}'), ("-5", '{"lost":-5}'), ("1", '{"lost":1}'), ("2", '{"lost":2}')]
    taken = replace(held, sent=5, numbers={"pt": (3, 3)}, running=[], call="again")
    assert world.ledger.sessions.restore([taken]) == [Restored(held=True, behind=False, lost=0)]
    world.open(instance="web2", socket="client-again")
    assert world.ledger.sessions.restore([taken]) == [Restored(held=False, behind=False, lost=0)]


@scenario("restore_session")
def all_lost(world: World) -> None:
    held = Held("s", "web1", "client", 1, "t", "{}", "E.7", 3, 5, (4, 0), {"pt": (4, 3)}, [])
    assert world.ledger.sessions.restore([held]) == [Restored(held=True, behind=True, lost=0)]
    resumed = world.ledger.sessions.resume("s", "web2", "client-again", "t")
    assert resumed is not None
    assert (resumed.epoch, resumed.last, resumed.first_kept, resumed.turn) == ("E.7", 3, 4, 2)
    assert (resumed.next_index, resumed.audio_from, resumed.running) == (5, (4, 0), (("pt", 3),))


@scenario("detach_session")
def detached(world: World) -> None:
    world.open()
    assert not world.ledger.sessions.detach("s", "another", 9, (9, 9))
    assert world.ledger.sessions.detach("s", "client", 3, (7, 2))


@scenario("refuse_utterance")
def refused(world: World) -> None:
    world.open()
    assert not world.ledger.sessions.refuse("s", "another", Refusal("pt", 9, (9, 9), "", "{}"))
    assert world.ledger.sessions.refuse("s", "client", Refusal("pt", 3, (7, 2), "", "{}"))
    assert world.ledger.sessions.refuse("s", "client", Refusal("pt", 9, None, "", "{}", "whole", "token"))
    assert [entry["order"] for entry in world.dump().entries("out:s")] == ["-3", "-9"]


@scenario("store_result")
def out_of_order(world: World) -> None:
    world.open()
    assert world.ledger.sessions.store(result(1))
    assert world.ledger.sessions.store(result(0))


@scenario("store_result")
def released_as_their_turn_comes(world: World) -> None:
    world.open()
    assert not any(world.ledger.sessions.store_all([result(1), result(0), result(2)]))
    assert [entry["order"] for entry in world.dump().entries("out:s")] == ["0", "1", "2"]


@scenario("note_play")
def a_group_was_played(world: World) -> None:
    world.open()
    assert world.ledger.sessions.played("s", "group_s_pt_0", 5)
    assert not world.ledger.sessions.played("nobody", "group_s_pt_0", 5)


@scenario("release_results")
def contiguous_run(world: World) -> None:
    world.open()
    for order in (2, 0, 1, 4):
        world.ledger.sessions.store(result(order))
    assert world.ledger.sessions.release("s", "pt") == (3, False)
    assert not world.ledger.sessions.store(result(1))
