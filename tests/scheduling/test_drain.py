"""Results on their way from the outbox to the out streams, on a real server."""

import logging
import socket
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass

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

from scheduling.bodies import Bodies
from scheduling.drain import drain_shards
from scheduling.store.plain import PlainStore
from tests.lua.world import World
from tests.scheduling.crashing import CrashingStore, Killed, lapse
from tests.scheduling.results_of import Results
from tests.valkey import Valkey


@pytest.fixture
def results(store: PlainStore) -> Results:
    """Give a cell with a node and one session."""
    made = Results(World(store))
    made.open("s")
    return made


def drain(results: Results, session: str = "s") -> int:
    return drain_shards(results.ledger, results.bodies, [results.shard(session)]).count


def test_results_are_released_in_order_however_they_come(results: Results) -> None:
    for job in "abc":
        results.start(job)
    results.end("c", "three")
    results.end("a", "one")
    assert drain(results) == 2
    assert [entry["main"]["text_asr"] for entry in results.out()] == ["one"]
    results.end("b", "two")
    assert drain(results) == 1
    assert [entry["main"]["text_asr"] for entry in results.out()] == ["one", "two", "three"]
    assert results.undone() == 0


def test_a_drain_of_nothing_does_nothing(results: Results) -> None:
    assert drain_shards(results.ledger, results.bodies, [0]).count == 0
    assert not drain_shards(results.ledger, results.bodies, [0]).more


def test_a_failure_without_an_error_is_told_like_any_other(results: Results) -> None:
    """Existing agents may send ``success: false`` alone. The drain fell over it, again and again, and no
    session of the shard was ever sent anything more."""
    results.start("a")
    results.start("b")
    results.end("a")
    results.end("b", "two")
    assert drain(results) == 2
    first, second = results.out()
    assert (first["main"]["type"], first["main"]["reason"]) == ("missing_result", "job_failed")
    assert [event["type"] for event in first["events"]] == ["ui_event", "error"]
    assert second["main"]["text_asr"] == "two"


@pytest.mark.parametrize("broken", ["{", '{"success": true}', "[]"])
def test_a_result_nobody_can_read_ends_as_an_error_in_its_place(
    results: Results, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    results.start("a", index=7)
    results.start("b")
    results.end("a", result=broken)
    results.end("b", "two")
    with caplog.at_level(logging.ERROR):
        assert drain(results) == 2
    assert "the result of job a cannot be formatted" in caplog.text
    first, second = results.out()
    assert (first["main"]["type"], first["main"]["utterance_index"]) == ("missing_result", 7)
    assert first["events"][1]["code"] == "INTERNAL_ERROR"
    assert second["main"]["text_asr"] == "two"
    assert results.undone() == 0


def test_a_record_nobody_can_read_leaves_no_gap(results: Results, caplog: pytest.LogCaptureFixture) -> None:
    results.start("a", spec="written by another version")
    results.start("b")
    results.end("a", "one")
    results.end("b", "two")
    with caplog.at_level(logging.ERROR):
        drain(results)
    assert [entry["main"]["type"] for entry in results.out()] == ["missing_result", "translation_result"]


def test_a_record_that_is_gone_does_not_hold_up_the_shard(
    results: Results, caplog: pytest.LogCaptureFixture
) -> None:
    results.open("t")
    for job, session in (("a", "s"), ("b", "t")):
        results.start(job, session)
        results.end(job, "text")
    results.world.store.command("DEL", results.ledger.keys.job("a"))
    with caplog.at_level(logging.ERROR):
        drain(results, "s")
        drain(results, "t")
    assert "job a ended but its record is gone" in caplog.text
    assert len(results.out("t")) == 1
    assert results.undone() == 0


def test_results_of_a_session_that_is_gone_are_dropped(results: Results) -> None:
    results.start("a")
    results.end("a", "one")
    results.world.store.command("DEL", results.ledger.keys.session("s"))
    assert drain(results) == 1
    assert results.out() == []
    assert results.undone() == 0


def test_a_drained_job_is_kept_for_the_retention_only(results: Results) -> None:
    results.start("a")
    results.end("a", "one")
    drain(results)
    left_ms = results.world.store.command("PTTL", results.ledger.keys.job("a"))
    assert 0 < left_ms <= results.world.settings.retention_ms


def test_audio_that_cannot_be_dropped_holds_up_no_result(
    results: Results, caplog: pytest.LogCaptureFixture
) -> None:
    """The server of bodies may be another one than the ledger's, and down."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"redis://127.0.0.1:{nobody.getsockname()[1]}"
    with PlainStore(url, timeout_s=0.1) as down:
        bodies = Bodies(down, results.world.settings)
        for job in "ab":
            results.start(job)
            results.end(job)
        assert drain_shards(results.ledger, bodies, [results.shard()]).count == 2
    assert [entry["main"]["type"] for entry in results.out()] == ["missing_result"] * 2
    assert results.undone() == 0
    assert "left to lapse" in caplog.text


def test_audio_of_what_failed_is_dropped_and_that_of_a_dead_letter_kept(store: PlainStore) -> None:
    """What failed for good was kept for two minutes more, though nobody could use it."""
    results = Results(World(store, max_attempts=1))
    results.open("s")
    for job in ("failed", "dead"):
        results.bodies.put(f"audio-{job}", "c291bmQ=").wait()
        results.start(job)
    results.end("failed")
    results.ledger.jobs.advance("dead", "node", 1, "dispatched", "t", "web1")
    results.ledger.nodes.offline("node", "so-node", "gone", 0)
    assert drain(results) == 2
    assert results.bodies.sizes(["audio-failed", "audio-dead"]) == [0, 5]
    kept_ms = store.command("PTTL", results.ledger.keys.body("audio-dead"))
    assert kept_ms > results.world.settings.body_ttl_ms


def test_after_an_idle_look_the_next_result_wakes_a_drain(results: Results) -> None:
    results.start("a")
    results.start("b")
    results.end("a", "one")
    mark = results.ledger.keys.wake(results.shard())
    assert results.world.store.command("EXISTS", mark) == 1
    drain(results)
    assert results.world.store.command("EXISTS", mark) == 0


def test_a_drain_says_that_more_is_left(store: PlainStore) -> None:
    results = Results(World(store, drain_items=1))
    results.open("s")
    for number in range(60):
        results.start(f"j{number}")
        results.end(f"j{number}", "text")
    drained = [drain_shards(results.ledger, results.bodies, [results.shard()]) for _ in range(3)]
    assert [(each.count, each.more) for each in drained] == [(50, True), (10, True), (0, False)]


def test_a_long_run_is_released_in_one_drain(results: Results) -> None:
    """More than one release appends at most: each drain goes on until the run is over."""
    for number in range(100):
        results.start(f"j{number}")
    for number in reversed(range(100)):
        results.end(f"j{number}", "text")
        if number % 40 == 0:
            drain(results)
    drain(results)
    assert [entry["order"] for entry in results.out()] == list(range(100))


@dataclass
class Job:
    """What the model knows of a job."""

    name: str
    session: str
    tgt: str
    order: int
    text: str | None = None
    """Heard by the node; None while it runs, empty when it failed."""


SESSIONS, LANGUAGES = ("s", "t"), ("pt", "de")


class Fanout(RuleBasedStateMachine):
    """Jobs end in any order, workers drain and die: each client gets each result once, in order."""

    def __init__(self, store: CrashingStore) -> None:
        super().__init__()
        self._store = store
        self._jobs: list[Job] = []

    @initialize()
    def begin(self) -> None:
        self._store.spare()
        self._store.command("FLUSHALL")
        self._results = Results(World(self._store, shards=2, drain_items=60))
        for session in SESSIONS:
            self._results.open(session)

    @rule(session=st.sampled_from(SESSIONS), tgt=st.sampled_from(LANGUAGES))
    def start(self, session: str, tgt: str) -> None:
        name = f"j{len(self._jobs)}"
        self._jobs.append(Job(name, session, tgt, self._results.start(name, session, tgt)))

    @precondition(lambda self: any(job.text is None for job in self._jobs))
    @rule(number=st.integers(0, 99), fails=st.booleans())
    def end(self, number: int, fails: bool) -> None:
        running = [job for job in self._jobs if job.text is None]
        job = running[number % len(running)]
        job.text = "" if fails else f"text of {job.name}"
        self._results.end(job.name, job.text)

    @precondition(lambda self: any(job.text is not None for job in self._jobs))
    @rule(number=st.integers(0, 99))
    def end_again(self, number: int) -> None:
        ended = [job for job in self._jobs if job.text is not None]
        job = ended[number % len(ended)]
        self._results.end(job.name, job.text or "")

    @rule(shard=st.integers(0, 1))
    def drain(self, shard: int) -> None:
        drain_shards(self._results.ledger, self._results.bodies, [shard])

    @rule(shard=st.integers(0, 1), step=st.integers(0, 12), takes_effect=st.booleans())
    def drain_and_die(self, shard: int, step: int, takes_effect: bool) -> None:
        self._store.kill_at(step, takes_effect=takes_effect)
        with suppress(Killed):
            drain_shards(self._results.ledger, self._results.bodies, [shard])
        self._store.spare()

    @rule(shard=st.integers(0, 1), step=st.integers(0, 12))
    def drain_and_stall(self, shard: int, step: int) -> None:
        """Slow, not dead: another takes its claims over and is done before it goes on."""

        def meanwhile() -> None:
            self.claims_lapse()
            drain_shards(self._results.ledger, self._results.bodies, [shard])

        self._store.stall_at(step, meanwhile)
        drain_shards(self._results.ledger, self._results.bodies, [shard])
        self._store.spare()

    @rule()
    def claims_lapse(self) -> None:
        for shard in range(2):
            lapse(self._store, self._results.ledger.keys.results(shard))

    @invariant()
    def each_client_has_a_beginning_of_its_results(self) -> None:
        for (session, tgt), expected in self._expected().items():
            assert self._released(session, tgt) == expected[: len(self._released(session, tgt))]

    def teardown(self) -> None:
        self.claims_lapse()
        for shard in range(2):
            while drain_shards(self._results.ledger, self._results.bodies, [shard]).more:
                pass
        for (session, tgt), expected in self._expected().items():
            assert self._released(session, tgt) == expected
        assert self._results.undone() == 0

    def _expected(self) -> dict[tuple[str, str], list[str]]:
        """Texts in order up to the first that still runs."""
        expected: dict[tuple[str, str], list[str]] = defaultdict(list)
        still_running = set()
        for job in sorted(self._jobs, key=lambda job: job.order):
            if job.text is None:
                still_running.add((job.session, job.tgt))
            elif (job.session, job.tgt) not in still_running:
                expected[job.session, job.tgt].append(job.text)
        return expected

    def _released(self, session: str, tgt: str) -> list[str]:
        entries = [entry for entry in self._results.out(session) if entry["tgt_lang"] == tgt]
        assert [entry["order"] for entry in entries] == list(range(len(entries)))
        return [entry["main"].get("text_asr", "") for entry in entries]


def test_fan_out_whatever_dies(valkey: Valkey) -> None:
    with CrashingStore(valkey.url) as store:
        run_state_machine_as_test(
            lambda: Fanout(store),  # type: ignore[arg-type]
            settings=settings(
                max_examples=150,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_the_messages_are_json_without_what_is_filled_in_later(results: Results) -> None:
    results.start("a")
    results.end("a", "one")
    drain(results)
    main = results.out()[0]["main"]
    assert "tts_audio" not in main
    assert main["text_translated"] == "ONE"
