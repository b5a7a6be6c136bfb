"""What the instance of a session is told of a result: most are told whole."""

import pytest

from scheduling.ledger import ReadyResult
from tests.lua.world import World

_EVENTS, _MAIN = '{"type":"ui_event"}', '{"type":"translation_result"}'


def _result(order: int, main: str = _MAIN) -> ReadyResult:
    return ReadyResult("s", "pt", order, True, "s:j:1:n1", _EVENTS, main)


def test_a_result_alone_is_told_whole(world: World) -> None:
    world.open()
    world.ledger.sessions.store_all([_result(0)])
    [(entry_id, raw)] = world.store.command("XRANGE", world.keys.out("s"), "-", "+")
    entry = {name.decode(): value.decode() for name, value in zip(raw[::2], raw[1::2], strict=True)}
    assert world.inbox() == [{"kind": "out", "session": "s", "until": entry_id.decode(), **entry}]
    assert (entry["main"], entry["events"], entry["speech"]) == (_MAIN, _EVENTS, "s:j:1:n1")


@pytest.mark.parametrize(("more", "whole"), [(0, True), (1, False)])
def test_a_long_one_is_looked_up(world: World, more: int, whole: bool) -> None:
    world.open()
    main = "x" * (2048 - len(_EVENTS) + more)
    world.ledger.sessions.store_all([_result(0, main)])
    [told] = world.inbox()
    assert ("main" in told) == whole
    assert told["speech"] == "s:j:1:n1"


def test_several_at_once_are_looked_up(world: World) -> None:
    world.open()
    world.ledger.sessions.store_all([_result(1), _result(0)])
    [told] = world.inbox()
    assert "main" not in told
    assert told["until"].endswith("-2")
