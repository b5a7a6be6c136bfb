"""What sessions, callers, nodes and workers do about jobs and their results."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from scheduling.ledger.codes import NoNode, QueueFull, SessionMoved, StaleAttempt
from scheduling.requirement import Requirement
from tests.lua.admission import check_admitted, check_refused
from tests.lua.machine.base import CAN, SESSIONS, Cell, requirements, some
from tests.lua.model import JobModel
from tests.lua.world import POOLS, result

LIVE_JOBS = 12

sessions = st.sampled_from(SESSIONS)


#: Whose share a job takes, how urgent it is, where it would like to go.
fairs = st.fixed_dictionaries(
    {},
    optional={
        "tenant": st.sampled_from(["acme", "trial"]),
        "weight": st.sampled_from([50, 300]),
        "priority": st.sampled_from([0, 2]),
        "preferred_node": st.sampled_from(["n1", "nobody"]),
    },
)


class JobRules(Cell):
    """Sessions ask; attempts go on, end, come too late; results are released."""

    @rule(
        session=sessions,
        requirement=requirements,
        cost=st.sampled_from([1, 1, 2]),
        fresh=st.sampled_from([True, True, False]),
        preferred=st.sampled_from(["", POOLS["C"]]),
        fair=fairs,
    )
    def reserve(
        self,
        session: str,
        requirement: Requirement,
        cost: int,
        fresh: bool,
        preferred: str,
        fair: dict[str, Any],
    ) -> None:
        """A session asks for a slot, from a fresh or an outdated view of the pools."""
        if sum(not job.ended for job in self.model.jobs.values()) >= LIVE_JOBS:
            return
        name = f"j{len(self.model.jobs)}"
        pools = [POOLS[klass] for klass in CAN[requirement] if POOLS[klass] in self.model.made]
        if fresh:
            version = int(self.found.hash("cell")["pools_version"])
        else:
            pools, version = pools[:1], -1
        ask = {
            "session": session, "instance": self.owners[session], "requirement": requirement, "cost": cost,
            "pools": pools, "version": version, "preferred": preferred, **fair,
        }  # fmt: skip
        if pools or not fresh:
            self.model.links.setdefault(requirement.requirement_id, set(pools))
        linked = self.model.links.get(requirement.requirement_id, set())
        if fresh and not any(self.serves_or_did(pool) for pool in linked):
            linked |= set(pools)  # a caller that knows the pools of now links it anew
        try:
            placed = self.world.reserve(name, **ask)
        except NoNode:
            assert not any(self.found.members(f"members:{pool}") for pool in linked)
            return
        except QueueFull as refusal:
            asked = JobModel(
                name, requirement.requirement_id, session, requirement.tgt, 0, cost, self.model.now
            )
            former = self.found
            self.see()
            check_refused(self.model, asked, fair.get("tenant", ""), refusal.wait_ms, former, self.found)
            return
        check_admitted(self.model, placed, requirement.requirement_id, self.world.dump())
        assert linked, "a job waits for pools that nobody knows"
        self.model.jobs[name] = JobModel(
            name, requirement.requirement_id, session, requirement.tgt, placed.order, cost, self.model.now
        )
        again = self.world.reserve(f"{name}-again", **ask, request=f"request-{name}")
        assert (again.job_id, again.order) == (name, placed.order)

    def serves_or_did(self, pool: str) -> bool:
        """Whether a pool has a node, or had one a moment ago."""
        return bool(self.found.members(f"members:{pool}")) or f"poolgone:{pool}" in self.found.content

    @rule(session=sessions, requirement=requirements, times=st.integers(2, 4))
    def speak(self, session: str, requirement: Requirement, times: int) -> None:
        """A session asks for several slots in a row."""
        for _ in range(times):
            self.reserve(session, requirement, 1, True, "", {})
            self.see()

    @rule(session=sessions, instance=st.sampled_from(["web1", "web2"]))
    def resume(self, session: str, instance: str) -> None:
        """The client comes back, to this or another instance; the other one may not ask any more."""
        self.world.open(session, instance, self.new_socket())
        self.owners[session] = instance
        other = {"web1": "web2", "web2": "web1"}[instance]
        self.refused(lambda: self.world.reserve("never", session=session, instance=other), SessionMoved)

    @precondition(lambda self: self.alive())
    @rule(number=some)
    def dispatch(self, number: int) -> None:
        """The caller sends the job and notes it; one that crashed before never comes here."""
        job = self.pick(number, alive=True)
        if job and job.state == "assigned":
            self.advance(number, "dispatched", 0)

    @precondition(lambda self: self.alive())
    @rule(number=some)
    def work(self, number: int) -> None:
        """A node does what it was given."""
        running = [job for job in self.model.jobs.values() if job.running]
        if running:
            job = running[number % len(running)]
            job.asked.add("done")
            done = self.ledger.jobs.complete(job.name, job.tried[-1], len(job.tried), "ok", instance="web1")
            assert done.state == "done"

    @precondition(lambda self: self.alive())
    @rule(
        number=some,
        stage=st.sampled_from(["dispatched", "accepted", "started", "progress"]),
        late=st.sampled_from([0, 0, 1]),
    )
    def advance(self, number: int, stage: Any, late: int) -> None:
        """The node acknowledges, starts, makes progress; perhaps on an attempt it has lost."""
        job = self.pick(number, alive=True)
        if job is None or not job.tried:
            return
        attempt = max(1, len(job.tried) - late)
        node, token = job.tried[attempt - 1], self.new_socket()
        if not job.holds(node, attempt):
            self.refused(
                lambda: self.ledger.jobs.advance(job.name, node, attempt, stage, token, "web1"), StaleAttempt
            )
            return
        self.ledger.jobs.advance(job.name, node, attempt, stage, token, "web1")
        job.advances(self.model.now)

    @precondition(lambda self: self.model.jobs)
    @rule(
        number=some,
        verdict=st.sampled_from(["ok", "ok", "retry", "fail"]),
        late=st.sampled_from([0, 0, 0, 1, 2, -1]),
        foreign=st.sampled_from([None, None, None, "n1", "n2"]),
    )
    def complete(self, number: int, verdict: Any, late: int, foreign: str | None) -> None:
        """A verdict: on time, repeated, too late, or from a node that was never asked."""
        job = self.pick(number)
        if job is None or not job.tried:
            return
        attempt = max(1, len(job.tried) - late)
        node = foreign or job.tried[min(attempt, len(job.tried)) - 1]
        expected = job.answer(node, attempt, self.model.now, verdict)

        def call() -> str:
            return self.ledger.jobs.complete(job.name, node, attempt, verdict, instance="web1").state

        if not expected:
            self.refused(call, StaleAttempt)
            return
        if job.holds(node, attempt):
            job.asked.add(expected)
            job.answered.add(attempt)
        assert call() == expected

    @precondition(lambda self: self.alive())
    @rule(number=some)
    def requeue(self, number: int) -> None:
        """The caller finds the node's socket gone."""
        job = self.pick(number)
        if job is None or not job.tried:
            return
        attempt, node = len(job.tried), job.tried[-1]
        expected = job.answer(node, attempt, self.model.now, "retry")

        def call() -> str:
            return self.ledger.jobs.requeue(job.name, node, attempt, "X", "x")

        if expected:
            if job.holds(node, attempt):
                job.unsent.add(attempt)
            assert call() == expected
        else:
            self.refused(call, StaleAttempt)

    @precondition(lambda self: self.model.jobs)
    @rule(number=some)
    def cancel(self, number: int) -> None:
        """The client does not want it any more."""
        if job := self.pick(number):
            if not job.ended:
                job.asked.add("cancelled")
            assert self.ledger.jobs.cancel(job.name, "X", "x") == (job.state if job.ended else "cancelled")

    @precondition(lambda self: self.model.jobs)
    @rule(number=some, release=st.booleans())
    def store_result(self, number: int, release: bool) -> None:
        """A worker formats an ended job, perhaps again; perhaps it dies before it releases."""
        job = self.pick(number)
        if job is None or not job.ended:
            return
        released = self.released(job.session, job.tgt)
        fresh = self.ledger.sessions.store(result(job.order, session=job.session, tgt=job.tgt))
        assert fresh == (job.order >= released)
        self.stored.setdefault((job.session, job.tgt), set()).add(job.order)
        if release:
            self.release(job.session, job.tgt)

    def release(self, session: str, tgt: str) -> None:
        run = self.stored.get((session, tgt), set())
        expected = next(order for order in range(len(run) + 1) if order not in run)
        assert self.ledger.sessions.release(session, tgt) == (expected, False)
        assert self.released(session, tgt) == expected

    def released(self, session: str, tgt: str) -> int:
        """Read how many results were released; fail unless they are in order, each once."""
        entries = self.world.dump().entries(f"out:{session}")
        orders = [int(entry["order"]) for entry in entries if entry["tgt"] == tgt]
        assert orders == list(range(len(orders)))
        return len(orders)
