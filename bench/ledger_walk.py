"""One cell of the long run: random operations on the ledger, and books that know nothing of its scripts."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from scheduling.capability import CapabilityClass
from scheduling.ledger import Beat, Ledger, NodeRegistration, Reservation
from scheduling.ledger.codes import LedgerError
from scheduling.requirement import Requirement
from scheduling.scripts import Script
from scheduling.settings import Settings
from scheduling.simulation.lockstep import LockstepStore
from scheduling.store.base import Parts

SLOTS = {"n1": 1, "n2": 2, "n3": 3, "n4": 4}
#: So few alive at once that the scripts, which look at eight, see all of them.
MOST_ALIVE = 8
_CHECK_EVERY = 12
_QUEUE_FULL = -8
_START_MS = 1_800_000_000_000
_RUNNING = {"assigned", "dispatched", "accepted", "started"}
_SERVICES = frozenset({"asr", "nmt", "tts"})
_CLASSES = [
    CapabilityClass(_SERVICES, asr=frozenset({"en"}), tts=frozenset(tts))
    for tts in ("de", "pt", ("de", "pt"))
]
_NEEDS = [Requirement("en", tgt, _SERVICES) for tgt in ("de", "pt")]
_SERVED = [(0, 2), (1, 2)]
#: Jobs and nodes as they are, read in one step by a script of our own.
_READ = """
local prefix, nodes, found = ARGV[1], tonumber(ARGV[2]), {}
for at = 3, #ARGV do
  local name = ARGV[at]
  if at < 3 + nodes then
    local v = redis.call('HMGET', prefix .. 'node:' .. name, 'why', 'max', 'held', 'held_for', 'pools')
    v[6] = redis.call('ZRANGE', prefix .. 'leases:' .. name, 0, -1)
    found[#found + 1] = v
  else
    local v = redis.call('HMGET', prefix .. 'job:' .. name, 'state', 'node', 'attempt', 'tried', 'relaxed')
    local requirement = redis.call('HGET', prefix .. 'job:' .. name, 'requirement')
    v[6] = redis.call('SMEMBERS', prefix .. 'reqpools:' .. requirement)
    found[#found + 1] = v
  end
end
return found
"""


class RepeatingStore(LockstepStore):
    """Makes one call in ten twice, as after a reply that was lost; counts calls and other answers."""

    def __init__(self, url: str, random: Random) -> None:
        super().__init__(url)
        self._random = random
        self.calls_made = 0
        self.other_answers = 0

    def call(
        self, script: Script, keys: Parts = (), args: Parts = (), *, timeout_s: float | None = None
    ) -> Any:
        """See `Store.call`."""
        reply = super().call(script, keys, args)
        self.calls_made += 1
        if script.name != "settle_deadlines" and self._random.random() < 0.1:
            again = super().call(script, keys, args)
            if script.name == "reserve" and reply[0] == _QUEUE_FULL:
                reply = again  # a refusal binds nothing: its caller hears what the last call found
            self.other_answers += again != reply
            self.calls_made += 1
        return reply


@dataclass
class Found:
    """What was wrong; all 0 when nothing was."""

    over_commit: int = 0
    leaks: int = 0
    idle_while_waiting: int = 0
    other_answers: int = 0
    ops: int = 0

    def add(self, other: "Found") -> None:
        """Sum up."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass
class _Job:
    cost: int
    need: int
    node: str = ""
    attempt: int = 0
    state: str = ""


@dataclass(frozen=True, slots=True)
class _SeenJob:
    """A job's record, as text."""

    state: str
    node: str
    attempt: str
    tried: str
    relaxed: str
    pools: frozenset[str]

    def runs(self, node: str, attempt: str) -> bool:
        return self.state in _RUNNING and (self.node, self.attempt) == (node, attempt)


@dataclass(frozen=True, slots=True)
class _SeenNode:
    """A node's record, as text, and its leases."""

    why: str
    slots: str
    held: str
    kept_for: str
    pools: str
    leases: list[str]

    def could_take(self, name: str, cost: int, job: _SeenJob, node: str) -> bool:
        """Whether a waiting job should be here instead: no rule of the ledger speaks against it."""
        works = self.why == "" or (self.why == "capacity_exceeded" and self.kept_for == name)
        free = int(self.slots) - int(self.held) - len(self.leases)
        welcome = job.relaxed == "1" or node not in job.tried.split()
        return works and welcome and free >= cost and not job.pools.isdisjoint(self.pools.split())


class _NothingToDo(Exception):
    """The operation drawn needs a job, and none is alive."""


@dataclass
class Walk:
    """A random walk over one cell."""

    url: str
    cell: str
    seed: int
    steps: int
    found: Found = field(default_factory=Found)

    def __post_init__(self) -> None:
        """Prepare an empty cell; nothing is sent yet."""
        self._random = Random(self.seed)
        self._store = RepeatingStore(self.url, self._random)
        self._ledger = Ledger(self._store, Settings(redis_url=self.url, cell=self.cell))
        self._now = _START_MS
        self._classes: dict[str, int] = {}
        self._sockets: dict[str, str] = {}
        self._jobs: dict[str, _Job] = {}
        self._count = 0
        self.waited = 0
        """Jobs found waiting, over all checks."""
        self.ended = 0

    def run(self) -> Found:
        """Walk, then let everything end by itself; give what was wrong."""
        self._ledger.cell.open()
        self._go(0)
        self._ledger.sessions.open("s", "web1", "socket", "{}")
        for node in SLOTS:
            self._register(node)
            self._beat(node, well=True)
        operations: list[tuple[Callable[[], object], int]] = [
            (self._reserve, 24), (self._complete, 26), (self._advance, 14), (self._some_beat, 16),
            (self._requeue, 3), (self._cancel, 3), (self._leave, 2), (self._come, 3), (self._drain, 3),
            (self._pass_time, 6),
        ]  # fmt: skip
        choices, weights = zip(*operations, strict=True)
        for step, operation in enumerate(self._random.choices(choices, weights, k=self.steps)):
            with suppress(
                LedgerError, _NothingToDo
            ):  # late, foreign, full or unknown: declined as it should be
                operation()
            if step % _CHECK_EVERY == 0:
                self._check()
        self._end()
        self.found.ops, self.found.other_answers = self._store.calls_made, self._store.other_answers
        return self.found

    def _go(self, ms: int) -> None:
        self._now += ms
        self._store.before("HSET", self._ledger.keys.cell, "clock", self._now)

    def _settle(self) -> None:
        for _ in range(40):
            due = self._ledger.jobs.settle("walk", 60_000)
            if not due or due > self._now:
                return

    def _reserve(self) -> None:
        if len(self._jobs) >= MOST_ALIVE:
            return
        self._count += 1
        name, need = f"j{self._count}", self._random.randrange(2)
        job = self._jobs[name] = _Job(self._random.choice([1, 1, 1, 2, 3]), need)
        pools = [_CLASSES[number].class_id for number in _SERVED[need]]
        ask = Reservation(
            job_id=name, request_id=name, session_id="s", instance="web1", src_lang="en",
            tgt_lang=_NEEDS[need].tgt, requirement=_NEEDS[need], pools=pools, pools_version=3, spec="{}",
            audio="a", next_index=1, cost=job.cost, tenant=self._random.choice(["", "a", "b"]),
            priority=self._random.choice([1, 1, 0, 2]),
        )  # fmt: skip
        try:
            placed = self._ledger.jobs.reserve(ask)
        except LedgerError:
            del self._jobs[name]
            raise
        job.node, job.attempt, job.state = placed.node_id, placed.attempt, placed.state

    def _pick(self) -> tuple[str, _Job]:
        """Give a job, with the attempt last seen; now and then an earlier one, or another node."""
        if not self._jobs:
            raise _NothingToDo
        name = self._random.choice(list(self._jobs))
        job = self._jobs[name]
        if self._random.random() < 0.1:
            late = _Job(job.cost, job.need, self._random.choice(list(SLOTS)), max(1, job.attempt - 1))
            return name, late
        return name, job

    def _advance(self) -> None:
        name, job = self._pick()
        stage = self._random.choice(["dispatched", "accepted", "started", "progress"])
        token = str(self._random.random())
        self._ledger.jobs.advance(name, job.node, job.attempt, stage, token, "web1")  # type: ignore[arg-type]

    def _complete(self) -> None:
        name, job = self._pick()
        verdict = self._random.choice(["ok", "ok", "ok", "ok", "retry", "fail"])
        done = self._ledger.jobs.complete(
            name,
            job.node,
            job.attempt,
            verdict,
            instance="web1",
            code="X",
            message="x",  # type: ignore[arg-type]
        )
        for handed in done.handed:
            if handed.job_id in self._jobs:
                self._jobs[handed.job_id].node, self._jobs[handed.job_id].attempt = job.node, handed.attempt

    def _requeue(self) -> None:
        name, job = self._pick()
        self._ledger.jobs.requeue(name, job.node, job.attempt, "NODE_UNAVAILABLE", "x")

    def _cancel(self) -> None:
        self._ledger.jobs.cancel(self._pick()[0], "X", "x")

    def _some_beat(self) -> None:
        self._beat(self._random.choice(list(SLOTS)), well=self._random.random() < 0.8)

    def _beat(self, node: str, *, well: bool) -> None:
        kind = self._classes[node]
        changed = not well and self._random.random() < 0.2
        if changed:
            kind = self._classes[node] = self._random.randrange(3)
        healthy = well or self._random.random() < 0.5
        running = 0 if well else self._random.randrange(6)
        busy = not well and self._random.random() < 0.3
        beat = Beat(node, self._sockets[node], running, healthy, busy, "{}", _CLASSES[kind], changed)
        if self._ledger.nodes.heartbeat(beat).dirty:
            self._ledger.nodes.set_pools(node, _CLASSES[kind])

    def _register(self, node: str) -> None:
        self._count += 1
        self._sockets[node] = f"so{self._count}"
        kind = self._classes[node] = self._random.randrange(3)
        running = self._random.choice([None, [], [(name, job.attempt) for name, job in self._jobs.items()]])
        self._ledger.nodes.register(
            NodeRegistration(
                node, self._sockets[node], "web1", "", SLOTS[node], 15_000, _CLASSES[kind], kind == 2, "{}",
                running,
            )
        )  # fmt: skip
        self._ledger.nodes.set_pools(node, _CLASSES[kind])

    def _come(self) -> None:
        self._register(self._random.choice(list(SLOTS)))

    def _leave(self) -> None:
        node = self._random.choice(list(SLOTS))
        self._ledger.nodes.offline(node, self._sockets[node], "closed", self._random.choice([0, 2000]))

    def _drain(self) -> None:
        node = self._random.choice(list(SLOTS))
        by = self._random.choice(["", "", "", "", "node", "operator", "quarantine"])
        self._ledger.nodes.drain(node, by, "drain")  # type: ignore[arg-type]

    def _pass_time(self) -> None:
        self._go(self._random.choice([1, 500, 1000, 1000, 2000, 3000, 10_000, 30_000]))
        if self._random.random() < 0.5:
            self._settle()

    def _check(self) -> None:
        """Settle what is due, then compare leases, jobs and free slots."""
        self._settle()
        nodes, jobs = self._read()
        for node, seen in nodes.items():
            self.found.over_commit += len(seen.leases) > SLOTS[node]
            for member in seen.leases:
                name, attempt, _ = member.split("|")
                job = jobs.get(name)
                self.found.leaks += job is None or not job.runs(node, attempt)
        for name, found in jobs.items():
            job = self._jobs[name]
            job.state, job.node, job.attempt = found.state, found.node, int(found.attempt or 0)
            if found.state == "waiting":
                self.waited += 1
                idle = [node for node, seen in nodes.items() if seen.could_take(name, job.cost, found, node)]
                self.found.idle_while_waiting += bool(idle)
            elif found.state not in _RUNNING:
                self.ended += 1
                del self._jobs[name]

    def _read(self) -> tuple[dict[str, _SeenNode], dict[str, _SeenJob]]:
        names = [*SLOTS, *self._jobs]
        (rows,) = self._store.ask(("EVAL", _READ, 0, self._ledger.keys.prefix, len(SLOTS), *names))
        nodes, jobs = {}, {}
        for name, row in zip(names, rows, strict=True):
            words, members = [_text(part) for part in row[:-1]], [_text(part) for part in row[-1]]
            if name in SLOTS:
                nodes[name] = _SeenNode(*words, members)
            else:
                jobs[name] = _SeenJob(*words, frozenset(members))
        return nodes, jobs

    def _end(self) -> None:
        """Let time pass until nothing can be alive; what is left then has leaked."""
        for _ in range(10):
            self._go(10_000)
            self._settle()
        self._check()
        nodes, _ = self._read()
        self.found.leaks += len(self._jobs) + sum(len(seen.leases) for seen in nodes.values())


def _text(part: bytes | None) -> str:
    return part.decode() if part else ""
