"""Scenarios of `test_twice`: answers to canaries."""

from tests.lua.twice import scenario
from tests.lua.world import World


@scenario("note_canary")
def wrong_in_a_row_and_right_again(world: World) -> None:
    note = world.ledger.canaries.note
    assert [note("n1", f"j{number}", "wrong").wrong for number in range(3)] == [1, 2, 3]
    assert note("n1", "j3", "right").wrong == 0
    assert note("n1", "j4", "wrong").wrong == 1


@scenario("note_canary")
def proven_by_another_node(world: World) -> None:
    """Who was right before it began to fail proves nothing: the recording may be another one since."""
    note = world.ledger.canaries.note
    note("n2", "j0", "right")
    world.go(1000)
    assert not note("n1", "j1", "wrong").proven
    world.go(1000)
    assert not note("n1", "j2", "wrong").proven
    note("n2", "j3", "right")
    world.go(1000)
    assert note("n1", "j4", "wrong").proven
    world.ledger.canaries.forget("n1")
    again = note("n1", "j5", "wrong")
    assert (again.wrong, again.proven) == (1, False)
