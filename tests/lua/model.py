"""What the ledger should know, in plain Python: nodes and jobs as somebody outside would describe them.

It does not foretell which of several nodes a job goes to. It watches each job move and says whether the
move was allowed, and knows by rules of its own which nodes may be given work.
"""

from dataclasses import dataclass, field

from tests.lua.dump import Dump

RUNNING = frozenset({"assigned", "dispatched", "accepted", "started"})
ENDED = frozenset({"done", "failed", "cancelled"})

SILENCE_MS, GRACE_MS = 30_000, 2000
DISPATCH_MS, ATTEMPT_MS, WAIT_MS, UTTERANCE_MS, RELAX_MS = 2000, 30_000, 10_000, 60_000, 1000
MOST_ATTEMPTS, UNHEALTHY_BEATS = 3, 3
WINDOW, WARMUP_MS, BREAKER_FAILURES = 5, 60_000, 5


@dataclass
class NodeModel:
    """One node, as its owner sees it."""

    name: str
    klass: str
    socket: str
    slots: int
    beat_ms: int
    seen_ms: int
    pools: set[str]
    drain: str = ""
    status: str = "registering"
    away_until: int | None = None
    overloaded: bool = False
    beaten: list[bool] = field(default_factory=list)
    """Which of the last heartbeats were healthy."""
    held: int = 0
    since_ms: int = 0
    """When it began to register."""
    strikes: int = 0
    """Failures in a row, as the ledger counts them."""
    rests_until: int = 0
    pinned: str = ""
    """Class in which it was given a pool of its own."""

    def rests(self, now: int, used: int) -> bool:
        """Whether it has failed too often: it rests, then shows with one job at a time that it works."""
        return self.strikes >= BREAKER_FAILURES and (now < self.rests_until or used > 0)

    def unfit(self, now: int, used: int = 0) -> str:
        """Say what keeps new work away, slots apart; '' for nothing."""
        if self.status == "draining" and self.drain == "quarantine":
            return "quarantined"
        if self.status in ("offline", "draining"):
            return self.status
        if self.status != "ready":
            return "status_not_ready"
        if self.away_until is not None:
            return "away"
        if now > self.seen_ms + min(self.beat_ms * 3 // 2, SILENCE_MS - 1):
            return "silent"
        if self.rests(now, used):
            return "breaker_open"
        return "resource_threshold_exceeded" if self.overloaded else ""

    def lost(self, now: int) -> bool:
        """Whether the node counts as offline as soon as somebody looks."""
        back_by = self.away_until if self.away_until is not None else now + 1
        return self.status != "offline" and (now >= back_by or now >= self.seen_ms + SILENCE_MS)

    def beats(self, now: int, *, healthy: bool, overloaded: bool, draining: bool, held: int) -> None:
        self.seen_ms, self.away_until, self.overloaded, self.held = now, None, overloaded, held
        self.beaten = [*self.beaten, healthy][-WINDOW:]
        in_a_row = self.beaten[-UNHEALTHY_BEATS:] == [False] * UNHEALTHY_BEATS
        if self.status == "offline":
            self.status, self.since_ms = "registering", now
        if draining or self.drain:
            self.status = "draining"
        elif healthy:
            self.status = "ready"
        elif (in_a_row or self.beaten.count(False) >= UNHEALTHY_BEATS) and self.status != "registering":
            self.status = "degraded"

    def cold(self, now: int) -> bool:
        """Whether it should have been ready by now."""
        return self.status == "registering" and now >= self.since_ms + WARMUP_MS

    def drains(self, by: str, now: int) -> None:
        if by == "node" and self.drain:
            return  # an operator's wish lasts longer
        self.drain = by
        if by and self.status != "offline":
            self.status = "draining"
        elif not by and self.status == "draining":
            self.status, self.since_ms = "registering", now

    def closes(self, now: int, grace_ms: int) -> None:
        if self.status == "offline":
            return
        if grace_ms == 0:
            self.goes_offline()
        elif self.away_until is None:
            self.away_until = now + grace_ms

    def goes_offline(self) -> None:
        self.status, self.pools, self.held, self.away_until = "offline", set(), 0, None


@dataclass
class JobModel:
    """One job and its attempts."""

    name: str
    requirement: str
    session: str
    tgt: str
    order: int
    cost: int
    created_ms: int
    state: str = "new"
    tried: list[str] = field(default_factory=list)
    outcomes: dict[int, str] = field(default_factory=dict)
    """How attempts ended: done, retried, failed."""
    since_ms: int = 0
    """When it began to wait."""
    due_ms: int = 0
    """By when it must be waiting or assigned no more, or have made progress."""
    asked: set[str] = field(default_factory=set)
    """Ends that somebody asked for: done, failed, cancelled."""
    answered: set[int] = field(default_factory=set)
    """Attempts whose node said itself that it failed."""
    unsent: set[int] = field(default_factory=set)
    """Attempts that did not reach their node."""

    @property
    def running(self) -> bool:
        return self.state in RUNNING

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    def holds(self, node: str, attempt: int) -> bool:
        """Whether this is the attempt that runs."""
        return self.running and attempt == len(self.tried) and node == self.tried[-1]

    def answer(self, node: str, attempt: int, now: int, verdict: str) -> str:
        """Say what a node must be told that gives this verdict; '' when it comes too late."""
        if self.holds(node, attempt):
            last = attempt == MOST_ATTEMPTS or now >= self.created_ms + UTTERANCE_MS
            return {"ok": "done", "fail": "failed"}.get(verdict, "failed" if last else "retried")
        known = self.outcomes.get(attempt, "")
        late = not known or self.tried[attempt - 1] != node or (verdict == "ok" and known != "done")
        return "" if late else known

    def excludes(self, node: str, now: int) -> bool:
        """Whether it still insists on another node than this."""
        return node in self.tried and not (self.state == "waiting" and now >= self.since_ms + RELAX_MS)

    def overdue(self, now: int) -> bool:
        """Whether something should have happened to it by now."""
        return not self.ended and now >= min(self.due_ms, self.created_ms + UTTERANCE_MS)

    def advances(self, now: int) -> None:
        self.due_ms = now + ATTEMPT_MS


class Model:
    """All of it, and what was allowed to happen since the last look."""

    def __init__(self) -> None:
        self.now = 0
        self.nodes: dict[str, NodeModel] = {}
        self.jobs: dict[str, JobModel] = {}
        self.made: set[str] = set()
        """Pools there are."""
        self.class_pools: dict[str, list[str]] = {}
        """What a worker noted for a class: the pools of its nodes."""
        self.links: dict[str, set[str]] = {}
        """Pools by requirement."""
        self.begun: set[str] = set()
        """Nodes that were given work in the last step."""
        self.seen = Dump({}, frozenset())

    def pools_of(self, pool: str, node: NodeModel | None) -> set[str]:
        """Pools that a node of a class joins when it comes; none while there is no such class."""
        if pool not in self.made:
            return set()
        own = {f"node-{node.name}"} if node and node.pinned == pool else set()
        return {*self.class_pools.get(pool, [pool]), *own}

    def serves(self, node: NodeModel, job: JobModel) -> bool:
        return bool(node.pools & self.links.get(job.requirement, set()))

    def forgets(self, pool: str, requirements: set[str]) -> None:
        """Drop a pool, and requirements that no pool serves and no job waits for."""
        self.made.discard(pool)
        self.class_pools.pop(pool, None)
        for requirement in requirements & set(self.links):
            self.links[requirement].discard(pool)
            wanted = any(
                job.state == "waiting" and job.requirement == requirement for job in self.jobs.values()
            )
            if not self.links[requirement] and not wanted:
                del self.links[requirement]

    def cleared(self, name: str) -> bool:
        """Whether its rest ended in this step: it did a job, or was not to blame for one that it failed."""
        return int(self.seen.hash(f"node:{name}")["strikes"]) < BREAKER_FAILURES

    def look(self, found: Dump) -> None:
        """Take in what happened; fail where it should not have."""
        self.begun.clear()
        self.seen = found
        for node in self.nodes.values():
            status = found.hash(f"node:{node.name}")["status"]
            if status == "offline" and node.lost(self.now):
                node.goes_offline()
            elif status == "degraded" and node.cold(self.now):
                node.status = "degraded"
            assert status == node.status, f"{node.name} is {status}, it should be {node.status}"
        assert set(found.named("job")) == set(self.jobs)
        for job in self.jobs.values():
            self._follow(job, found.hash(f"job:{job.name}"))
        for node in self.nodes.values():
            record = found.hash(f"node:{node.name}")
            node.strikes, node.rests_until = int(record["strikes"]), int(float(record["breaker_ms"] or 0))

    def _follow(self, job: JobModel, record: dict[str, str]) -> None:
        tried, state = record.get("tried", "").split(), record["state"]
        if job.ended:
            assert (state, tried) == (job.state, job.tried), f"{job.name} had ended"
            return
        assert tried[: len(job.tried)] == job.tried
        for attempt in range(len(job.tried), len(tried)):
            self._allow(job, tried[attempt], tried[:attempt])
            job.outcomes.setdefault(attempt, "retried")
        if len(tried) > len(job.tried):
            # Whoever asked holds the socket of the node, and sends it at once.
            job.due_ms = self.now + (ATTEMPT_MS if state == "dispatched" else DISPATCH_MS)
            self.begun.add(tried[-1])
        if state == "waiting" and (job.state != "waiting" or len(tried) > len(job.tried)):
            job.since_ms, job.due_ms = self.now, self.now + WAIT_MS
        if state == "waiting" and tried:
            job.outcomes[len(tried)] = "retried"
        elif state in ("done", "failed") and tried:
            job.outcomes.setdefault(len(tried), state)
        if state in ENDED:
            assert self._may_end(job, state, tried), f"{job.name} should not be {state}"
        job.tried, job.state = tried, state
        job.outcomes.pop(0, None)

    def _allow(self, job: JobModel, name: str, before: list[str]) -> None:
        node = self.nodes[name]
        unfit = node.unfit(self.now)
        if unfit == "breaker_open" and self.cleared(name):
            unfit = ""
        assert not unfit, f"{job.name} went to {name}, which is {unfit}"
        assert self.serves(node, job), f"{job.name} went to {name}, which does not serve it"
        assert name not in before or not job.excludes(name, self.now), f"{job.name} went back to {name}"

    def _may_end(self, job: JobModel, state: str, tried: list[str]) -> bool:
        if state in job.asked or state != "failed":
            return state in job.asked
        out_of_time = self.now >= job.created_ms + UTTERANCE_MS
        waited = job.state == "waiting" and self.now >= job.since_ms + WAIT_MS
        return len(tried) == MOST_ATTEMPTS or out_of_time or waited
