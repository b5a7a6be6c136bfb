"""The real room scripts against `tests.lua.room_model`: joining, leaving, speaking, closing in any order.

After each step the ledger holds what the model says: each room, each language, and in each session's out
stream exactly what it was to hear, in order. Half of all runs make every call twice.
"""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from scheduling.ledger import ReadyResult
from scheduling.ledger.codes import InRoom, NoRoom
from tests.lua.machine.base import EchoStore
from tests.lua.room_model import RoomModel, Said
from tests.lua.world import World
from tests.valkey import Valkey

_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
_PROFILE = settings(
    max_examples=2000 if _LONG else 120,
    stateful_step_count=60 if _LONG else 40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)

CODES = ("100001", "100002")
INSTANCES = ("web1", "web2")
SEATS = 4
seats = st.integers(0, SEATS - 1)
codes = st.sampled_from(CODES[:1] * 3 + CODES[1:])
langs = st.sampled_from(["pt", "pt", "de", ""])


class RoomMachine(RuleBasedStateMachine):
    """Four people who come again as somebody else when they have closed."""

    def __init__(self, store: EchoStore) -> None:
        super().__init__()
        store.repeats = False
        store.command("FLUSHALL")
        self.store = store
        self.world = World(store)
        self.rooms = self.world.ledger.rooms
        self.model = RoomModel()
        self.sessions: list[str] = []
        self.instance: dict[str, str] = {}
        self.number = 0

    @initialize(repeats=st.booleans())
    def begin(self, repeats: bool) -> None:
        self.store.repeats = repeats
        for seat in range(SEATS):
            self.sessions.append("")
            self.come(seat)

    def come(self, seat: int) -> None:
        self.number += 1
        session = self.sessions[seat] = f"s{self.number}"
        self.instance[session] = INSTANCES[seat % 2]
        self.world.open(session, self.instance[session], socket=session)

    @rule(seat=seats, code=codes, lang=langs)
    def enter(self, seat: int, code: str, lang: str) -> None:
        """Join the room, or make it where there is none."""
        session = self.sessions[seat]
        self.number += 1
        token, instance = f"token{self.number}", self.instance[session]
        exists = code in self.model.rooms

        def go_in() -> None:
            if exists:
                self.rooms.join(code, session, instance, token, lang=lang)
            else:
                self.rooms.create(session, instance, token, [code], lang=lang)

        if self.model.room_of(session):
            with pytest.raises(InRoom):
                go_in()
        else:
            go_in()
            self.model.rooms.setdefault(code, {})[session] = (lang, instance)

    @rule(seat=seats)
    def leave(self, seat: int) -> None:
        session = self.sessions[seat]
        self.rooms.leave(self.model.room_of(session) or CODES[0], session)
        self.model.leave(session)

    @rule(seat=seats)
    def close(self, seat: int) -> None:
        session = self.sessions[seat]
        self.rooms.leave(self.model.room_of(session) or CODES[0], session)
        self.world.ledger.sessions.close(session, session)
        self.model.leave(session)
        self.come(seat)

    @rule(seat=seats, instance=st.sampled_from(INSTANCES))
    def move(self, seat: int, instance: str) -> None:
        """Its client came back to another instance."""
        session, code = self.sessions[seat], self.model.room_of(self.sessions[seat])
        self.instance[session] = instance
        self.world.open(session, instance, socket=session + instance)
        self.world.open(session, instance, socket=session)
        assert self.rooms.touch([(code, session)], instance) == [bool(code)]
        if code:
            self.model.rooms[code][session] = (self.model.rooms[code][session][0], instance)

    @rule(seat=seats)
    def speak(self, seat: int) -> None:
        """One utterance: a number in each language that is listened in, or in the speaker's own."""
        session, code = self.sessions[seat], self.model.room_of(self.sessions[seat])
        if code:
            assert self.rooms.speak(code, session) == self.model.languages(session)
        else:
            with pytest.raises(NoRoom):
                self.rooms.speak(CODES[0], session)
        listened = self.model.languages(session)
        for lang in listened or ["pt"]:
            self.model.said[session, lang].append(Said(code if listened else ""))

    @precondition(lambda self: self.model.said)
    @rule(turn=st.integers(0, 20), nth=st.integers(0, 3))
    def end_one(self, turn: int, nth: int) -> None:
        """The result of any job comes, in no order."""
        speaker, lang = list(self.model.said)[turn % len(self.model.said)]
        said = self.model.said[speaker, lang]
        open_ones = [order for order, each in enumerate(said) if not each.ended]
        if open_ones:
            order = open_ones[nth % len(open_ones)]
            room = said[order].room
            self.world.ledger.sessions.store(
                ReadyResult(speaker, lang, order, grouped=True, speech="", events="", main="{}", room=room)
            )
            said[order].ended = True

    @precondition(lambda self: self.model.said)
    @rule(turn=st.integers(0, 20), most=st.sampled_from([1, 2, 64]))
    def release(self, turn: int, most: int) -> None:
        speaker, lang = list(self.model.said)[turn % len(self.model.said)]
        repeats = self.store.repeats
        self.store.repeats = repeats and most == 64  # a batch that is asked for again goes on
        more = True
        while more:
            _, more = self.world.ledger.sessions.release(speaker, lang, most)
        self.model.release((speaker, lang))
        self.store.repeats = repeats

    @rule(seat=seats)
    def talk(self, seat: int) -> None:
        """One utterance that is translated at once."""
        self.speak(seat)
        for turn, (speaker, _) in enumerate(list(self.model.said)):
            if speaker == self.sessions[seat]:
                self.end_one(turn, -1)
                self.release(turn, 64)

    @precondition(lambda self: self.model.rooms)
    @rule()
    def expire(self) -> None:
        """Nobody speaks for long; all rooms end."""
        repeats, self.store.repeats = self.store.repeats, False
        self.world.go(self.world.settings.room_idle_ms)
        for instance in INSTANCES:
            self.world.settle(sweeper=instance)
        for _ in CODES:
            self.rooms.sweep(0)
        self.model.rooms.clear()
        self.store.repeats = repeats

    @precondition(lambda self: self.model.rooms)
    @rule(instance=st.sampled_from(INSTANCES))
    def die(self, instance: str) -> None:
        """An instance is not heard of any more; its members are taken out, the others stay."""
        repeats, self.store.repeats = self.store.repeats, False
        self.world.go(20_000)
        for other in INSTANCES:
            if other != instance:
                self.world.settle(sweeper=other)
                self.store.command("DEL", self.world.keys.sweeping)
        self.rooms.sweep(0)
        for members in list(self.model.rooms.values()):
            for session in [name for name, (_, at) in members.items() if at == instance]:
                self.model.leave(session)
        self.store.repeats = repeats

    @invariant()
    def holds(self) -> None:
        if self.sessions:
            self.model.check(self.world.dump())


@pytest.mark.timeout(3600)
def test_rooms_under_everything(valkey: Valkey) -> None:
    with EchoStore(valkey.url) as store:
        # A class is asked for, anything that makes a machine is taken.
        run_state_machine_as_test(lambda: RoomMachine(store), settings=_PROFILE)  # type: ignore[arg-type]
