"""Whatever happens on the way, a client sees the same: each utterance's end once, in order.

Hypothesis ends jobs in every order, lets two workers format and release them step by step in turns, each
doing all of it and some of it twice, loses results until their deadline, refuses utterances, says whole ones
twice, and cuts the reader off at any place; it resumes from the last offset it has. The scripts are the real
ones on a real server.
"""

import json
from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduling.delivery import OutEntry
from scheduling.ledger import ReadyResult
from scheduling.ledger.codes import NoNode
from scheduling.ledger.sessions import Refusal
from scheduling.requirement import Requirement
from scheduling.store.plain import PlainStore
from tests.lua.world import DE, POOLS, PT, SPEECH, World

_NOBODY = Requirement("en", "xx", SPEECH)
_WANTED = {"pt": PT, "de": DE}

#: How an utterance ends, and for which language it is.
Plan = list[tuple[str, str]]
PLANS = st.lists(
    st.tuples(
        st.sampled_from(["ok", "ok", "fail", "late", "refused", "whole"]), st.sampled_from(["pt", "de"])
    ),
    min_size=1,
    max_size=9,
)


@dataclass
class Worker:
    """Formats and releases every ended job, a script at a time; some scripts twice."""

    world: World
    steps: list[tuple[str, str]] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def look(self) -> None:
        """Take what has ended since the last look."""
        stream = self.world.keys.results(self.world.ledger.jobs.shard_of("s"))
        ended = [raw[1][1].decode() for raw in self.world.store.command("XRANGE", stream, "-", "+")]
        for job in [job for job in ended if job not in self.known]:
            self.known.add(job)
            self.steps += [("store", job), ("release", job)]

    def step(self, most: int, *, twice: bool) -> None:
        """Do one script."""
        self.look()
        if self.steps:
            what, job = self.steps.pop(0)
            for _ in range(2 if twice else 1):
                self._do(what, job, most)

    def _do(self, what: str, job: str, most: int) -> None:
        sessions, name = self.world.ledger.sessions, self.world.keys.job(job)
        tgt, order, state = (
            value.decode() for value in self.world.store.command("HMGET", name, "tgt", "order", "state")
        )
        if what == "release":
            while sessions.release("s", tgt, most)[1]:
                pass
            return
        main = json.dumps({"job": job, "state": state})
        sessions.store(ReadyResult("s", tgt, int(order), True, "", "", main))


@dataclass
class Reader:
    """A client and the process that sends to it; the last entries sent may never arrive."""

    world: World
    offset: int = 0
    sockets: int = 0
    view: list[tuple[str, int, str]] = field(default_factory=list)

    def read(self, most: int, arriving: int) -> None:
        """Send so many entries at most; those beyond ``arriving`` are lost with the socket."""
        self.sockets += 1
        resumed = self.world.ledger.sessions.resume("s", f"web{self.sockets}", str(self.sockets), "digest")
        assert resumed is not None
        assert resumed.first_kept <= self.offset + 1 <= resumed.last + 1, "nothing that it lacks is gone"
        name, after = self.world.keys.out("s"), f"({resumed.entry_id(self.offset)}"
        for raw in self.world.store.command("XRANGE", name, after, "+", "COUNT", most)[:arriving]:
            entry = OutEntry.parse(raw)
            assert entry.number == self.offset + 1
            self.offset = entry.number
            self.view.append((entry.tgt_lang, entry.order, entry.main))


def _begin(store: PlainStore, plan: Plan) -> World:
    """Open a session and say everything; a node takes all of it at once."""
    store.command("FLUSHALL")
    world = World(store, max_attempts=1)
    world.ready("n1", klass="C", slots=len(plan))
    world.ledger.nodes.link(PT, [POOLS["C"]])
    world.ledger.nodes.link(DE, [POOLS["C"]])
    world.ledger.sessions.open("s", "web0", "0", "{}", "digest")
    for number, (end, tgt) in enumerate(plan):
        job = f"j{number}"
        if end == "refused":
            with suppress(NoNode):
                world.reserve(
                    job, requirement=_NOBODY, instance="web0", pools=(), version=0, next_index=number + 1
                )
            refusal = Refusal(tgt, number + 1, (number + 1, 0), "", json.dumps({"job": job}))
            for _ in range(2):
                assert world.ledger.sessions.refuse("s", "0", refusal)
            continue
        for _ in range(2 if end == "whole" else 1):
            placed = world.reserve(
                job,
                requirement=_WANTED[tgt],
                instance="web0",
                pools=(POOLS["C"],),
                next_index=number + 1,
            )
            assert placed.job_id == job
        world.ledger.jobs.advance(job, "n1", 1, "dispatched", job, "web0")
    return world


def _expected(plan: Plan) -> dict[str, list[str]]:
    """Give the ends of each language in order; those of refusals by themselves, as they wait for nobody."""
    words = {"ok": "done", "whole": "done", "fail": "failed", "late": "failed"}
    ends: dict[str, list[str]] = {"pt": [], "de": [], "refused": []}
    for number, (end, tgt) in enumerate(plan):
        main = {"job": f"j{number}"} | ({"state": words[end]} if end in words else {})
        ends["refused" if end == "refused" else tgt].append(json.dumps(main))
    return ends


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    print_blob=True,
)
@given(PLANS, st.data())
def test_the_clients_view_is_always_the_same(store: PlainStore, plan: Plan, data: st.DataObject) -> None:
    world = _begin(store, plan)
    workers, reader = [Worker(world), Worker(world)], Reader(world)
    running = [number for number, (end, _) in enumerate(plan) if end in ("ok", "fail", "whole")]
    endings = list(data.draw(st.permutations(running)))
    late = any(end == "late" for end, _ in plan)
    small, who = st.integers(1, 3), st.sampled_from(["worker 0", "worker 1", "reader", "node"])
    for turn in data.draw(st.lists(who, max_size=40)):
        if turn == "reader":
            reader.read(data.draw(small), data.draw(st.integers(0, 3)))
        elif turn == "node" and endings:
            _end(world, plan, endings.pop(0), twice=data.draw(st.booleans()))
        elif turn == "node" and late:
            _pass_deadline(world)
            late = False
        elif turn != "node":
            workers[int(turn[-1])].step(data.draw(small), twice=data.draw(st.booleans()))
    for number in endings:
        _end(world, plan, number, twice=False)
    _pass_deadline(world)
    for worker in workers:
        worker.look()
        while worker.steps:
            worker.step(64, twice=False)
    reader.read(100, 100)
    assert _sorted_out(reader.view) == _expected(plan)


def _sorted_out(view: list[tuple[str, int, str]]) -> dict[str, list[str]]:
    """Give what the client saw of each language, and of what was refused, as it came."""
    seen: dict[str, list[str]] = {"pt": [], "de": [], "refused": []}
    for tgt, order, main in view:
        assert order < 0 or order == len(seen[tgt])
        seen["refused" if order < 0 else tgt].append(main)
    return seen


def _end(world: World, plan: Plan, number: int, *, twice: bool) -> None:
    verdict, code = ("fail", "PROCESSING_ERROR") if plan[number][0] == "fail" else ("ok", "")
    for _ in range(2 if twice else 1):
        world.ledger.jobs.complete(f"j{number}", "n1", 1, verdict, instance="web0", result="{}", code=code)  # type: ignore[arg-type]


def _pass_deadline(world: World) -> None:
    """Let what is still running run out of time."""
    world.go(world.settings.utterance_ms + 1)
    world.settle()
