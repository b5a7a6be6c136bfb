"""The real scripts on a real server against a plain-Python model, in every order hypothesis can think of.

Nodes come, change, fall silent and go; sessions ask; callers crash between two steps, repeat themselves
and come too late; time jumps; a sweep does only a part of what is due. After each step the ledger must be
what `tests.lua.model` and `tests.lua.invariants` say. Half of all runs make every call twice.

``HYPOTHESIS_PROFILE=long`` makes many more and longer runs; ``ci`` is the default.
"""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test

from tests.lua.invariants import check_always, check_settled
from tests.lua.machine.base import SESSIONS, EchoStore, classes
from tests.lua.machine.jobs import JobRules
from tests.lua.machine.nodes import NodeRules
from tests.lua.world import result
from tests.valkey import Valkey

_PROFILES = {
    "ci": settings(max_examples=250, stateful_step_count=50),
    "long": settings(max_examples=4000, stateful_step_count=80),
}
_PROFILE = settings(
    _PROFILES[os.environ.get("HYPOTHESIS_PROFILE", "ci")],
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    report_multiple_bugs=False,
)

jumps = st.sampled_from([1, 999, 1000, 2000, 3000, 7500, 10_000])
long_jumps = st.sampled_from([1000, 2000, 10_000, 15_000, 22_501, 30_000])


class Dispatch(NodeRules, JobRules):
    """Everything nodes, sessions, workers and sweepers do, in time that jumps."""

    @initialize(repeats=st.booleans(), klass=classes, slots=st.integers(1, 4))
    def begin(self, repeats: bool, klass: str, slots: int) -> None:
        """Half of all runs repeat every call; all begin with two nodes at work."""
        self.store.repeats = repeats
        for session in SESSIONS:
            self.world.open(session)
        self.arrive("n1", klass, slots, False)
        self.arrive("n2", "C", 2, False)

    @rule(ms=jumps)
    def go(self, ms: int) -> None:
        """Time passes and nobody looks."""
        self.world.go(ms)
        self.model.now = self.world.now_ms

    @rule(most=st.sampled_from([1, 2, 3, 64]))
    def settle(self, most: int) -> None:
        """A sweep does a part of what is due."""
        self.world.settle(most)

    @rule(ms=long_jumps)
    def go_and_settle(self, ms: int) -> None:
        """Time passes and everything due is done."""
        self.go(ms)
        self.settle_all()

    @rule(times=st.integers(1, 4), partials=st.booleans())
    def quiet_time(self, times: int, partials: bool) -> None:
        """Time passes, nodes beat, sweepers sweep; perhaps every running job makes progress."""
        for _ in range(times):
            self.go_and_settle(10_000)
            self.see()
            self.all_beat()
            for job in self.model.jobs.values():
                if partials and job.running:
                    token = self.new_socket()
                    self.ledger.jobs.advance(
                        job.name, job.tried[-1], len(job.tried), "started", token, "web1"
                    )
                    job.advances(self.model.now)

    def settle_all(self) -> None:
        for _ in range(20):
            due = self.world.settle()
            if not due or due > self.model.now:
                return
        raise AssertionError("settling comes to no end")

    @invariant()
    def holds(self) -> None:
        """Check the ledger after each step; more of it when nothing is due."""
        self.sound = False
        self.see()
        check_always(self.model, self.found)
        if not any(due <= self.model.now for due in self.found.scores("deadlines").values()):
            check_settled(self.model, self.found)
        self.sound = True

    @precondition(lambda self: self.alive())
    @rule()
    def look_closely(self) -> None:
        """Settle what is due, so that the stricter checks are made."""
        self.settle_all()

    def teardown(self) -> None:
        """Everything ends by itself: jobs, leases, nodes; then every number is released once."""
        if not self.sound:
            return
        self.store.repeats = False
        for _ in range(8):
            self.go_and_settle(10_000)
            self.holds()
        assert all(job.ended for job in self.model.jobs.values())
        assert all(node.status == "offline" for node in self.model.nodes.values())
        assert not self.found.named("leases")
        assert not self.found.named("waiting")
        assert self.found.hash("cell")["waiting"] == "0"
        assert not self.found.scores("deadlines")
        for job in self.model.jobs.values():
            self.ledger.sessions.store(result(job.order, session=job.session, tgt=job.tgt))
            self.ledger.sessions.release(job.session, job.tgt)
        for session, tgt in {(job.session, job.tgt) for job in self.model.jobs.values()}:
            numbers = [job for job in self.model.jobs.values() if (job.session, job.tgt) == (session, tgt)]
            assert self.released(session, tgt) == len(numbers)


@pytest.mark.timeout(3600)
def test_ledger_under_everything(valkey: Valkey) -> None:
    with EchoStore(valkey.url) as store:
        # A class is asked for, anything that makes a machine is taken.
        run_state_machine_as_test(lambda: Dispatch(store), settings=_PROFILE)  # type: ignore[arg-type]
