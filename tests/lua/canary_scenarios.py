"""Scenarios of `test_twice`: answers to canaries."""

from tests.lua.twice import scenario
from tests.lua.world import World


@scenario("note_canary")
def wrong_in_a_row_and_right_again(world: World) -> None:
    note = world.ledger.canaries.note
    assert [note("n1", f"j{number}", "wrong", "a").wrong for number in range(3)] == [1, 2, 3]
    assert note("n1", "j3", "right", "a").wrong == 0
    assert note("n1", "j4", "wrong", "a").wrong == 1


@scenario("note_canary")
def proven_by_another_node(world: World) -> None:
    """Who was right before it began to fail proves nothing: the recording may be another one since."""
    note = world.ledger.canaries.note
    note("n2", "j0", "right", "a")
    world.go(1000)
    assert not note("n1", "j1", "wrong", "a").proven
    world.go(1000)
    assert not note("n1", "j2", "wrong", "a").proven
    note("n2", "j3", "right", "a")
    world.go(1000)
    assert note("n1", "j4", "wrong", "a").proven == 3
    world.ledger.canaries.forget("n1")
    again = note("n1", "j5", "wrong", "a")
    assert (again.wrong, again.proven) == (1, 0)


@scenario("note_canary")
def proven_by_the_same_recording_alone(world: World) -> None:
    """Whoever is right about one recording says nothing of another, whose text may be a wrong one."""
    note = world.ledger.canaries.note
    note("n1", "j1", "wrong", "a")
    note("n1", "j2", "wrong", "b")
    world.go(1000)
    note("n2", "j3", "right", "a")
    again = note("n1", "j4", "wrong", "b")
    assert (again.wrong, again.proven) == (3, 1)
    assert note("n1", "j5", "right", "b").wrong == 0
    world.go(1000)
    assert note("n1", "j6", "wrong", "a").proven == 0
