"""What all rules of the state machine stand on: one cell, its model, and a way to look at both."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from scheduling.scripts import Script
from scheduling.store.base import Parts
from scheduling.store.plain import PlainStore
from tests.lua.admission import ADMIT_WAIT_MS, STANDING_WAIT_MS
from tests.lua.model import JobModel, Model, NodeModel
from tests.lua.world import DE, PT, World

SESSIONS = ("s1", "s2")
#: Classes that serve a requirement.
CAN = {PT: "AC", DE: "BC"}

some = st.integers(0, 11)
classes = st.sampled_from("CCAB")
requirements = st.sampled_from([PT, DE])


#: Code of a refusal because it would wait for too long, which tells how long.
_TOO_LONG = -8


class EchoStore(PlainStore):
    """Makes every call twice when ``repeats``, as after a reply that was lost."""

    repeats = False

    def call(
        self, script: Script, keys: Parts = (), args: Parts = (), *, timeout_s: float | None = None
    ) -> Any:
        reply = super().call(script, keys, args, timeout_s=timeout_s)
        if self.repeats and script.name != "settle_deadlines":
            again = super().call(script, keys, args, timeout_s=timeout_s)
            if reply[0] == _TOO_LONG:
                # It left nothing behind, and settled some of what was due: what counts is what is heard.
                return again
            assert again == reply, (script.name, reply, again)
        return reply


class Cell(RuleBasedStateMachine):
    """A cell on a real server beside its model."""

    def __init__(self, store: EchoStore) -> None:
        super().__init__()
        store.repeats = False
        store.command("FLUSHALL")
        self.store = store
        self.world = World(store, admit_wait_ms=ADMIT_WAIT_MS, standing_wait_ms=STANDING_WAIT_MS)
        self.ledger = self.world.ledger
        self.model = Model()
        self.model.now = self.world.now_ms
        self.sockets = 0
        self.sound = True
        self.idle_since: dict[str, int] = {}
        self.owners = dict.fromkeys(SESSIONS, "web1")
        self.stored: dict[tuple[str, str], set[int]] = {}
        self.found = self.world.dump()

    def new_socket(self) -> str:
        self.sockets += 1
        return f"so{self.sockets}"

    def node(self, number: int) -> NodeModel:
        known = list(self.model.nodes.values())
        return known[number % len(known)]

    def alive(self) -> bool:
        return any(not job.ended for job in self.model.jobs.values())

    def pick(self, number: int, alive: bool = False) -> JobModel | None:
        jobs = [job for job in self.model.jobs.values() if not (alive and job.ended)]
        return jobs[-1 - number % len(jobs)] if jobs else None

    def refused(self, call: Callable[[], object], error: type[Exception]) -> None:
        """Make a call that must be refused and must change nothing."""
        before = self.world.dump()
        with pytest.raises(error):
            call()
        assert self.world.dump() == before

    def see(self) -> None:
        """Let the model take in what happened."""
        self.found = self.world.dump()
        self.model.look(self.found)
