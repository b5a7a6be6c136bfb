"""A refusal that has to outlive the socket: it is in the stream, once, whatever became of the reservation."""

import json
from dataclasses import replace
from typing import Any

from scheduling.ledger.sessions import Refusal
from scheduling.store.plain import PlainStore
from tests.lua.world import World, reservation

_REFUSAL = Refusal("pt", 1, (4, 0), "[]", '{"type": "missing_result"}')


def _out(world: World) -> list[dict[str, Any]]:
    entries = world.dump().entries("out:s")
    return [{**entry, "main": json.loads(entry["main"])} for entry in entries]


def test_what_was_reserved_after_all_is_refused_all_the_same(store: PlainStore) -> None:
    """A store stood still for longer than a call may take. The reservation in its buffer ran when it went on,
    and moved the session to the next utterance; the refusal that followed took that for its own doing and
    wrote nothing. The job was cancelled unheard, as its client had been told no, which nobody had."""
    world = World(store)
    world.ready("node")
    world.open()
    world.reserve("late")
    for _ in range(2):
        assert world.ledger.sessions.refuse("s", "client", _REFUSAL)
    assert [entry["order"] for entry in _out(world)] == ["-1"]


def test_a_refusal_moves_the_session_on_and_never_back(store: PlainStore) -> None:
    world = World(store)
    world.ready("node")
    world.open()
    world.ledger.sessions.refuse("s", "client", _REFUSAL)
    session = world.dump().hash("session:s")
    assert (session["next_index"], session["audio_from"]) == ("1", "4.0")
    world.ledger.jobs.reserve(replace(reservation("next"), next_index=3))
    world.ledger.sessions.refuse("s", "client", Refusal("pt", 2, (5, 0), "[]", "{}"))
    assert world.dump().hash("session:s")["next_index"] == "3"
    assert [entry["order"] for entry in _out(world)] == ["-1", "-2"]
