"""The auditor sees what is wrong with a ledger: each fault is made by hand, on a real server."""

from collections.abc import Callable

import pytest

from bench.chaos.auditor import Auditor
from scheduling.bodies import Bodies
from scheduling.drain import drain_shards
from scheduling.store.plain import PlainStore
from tests.lua.world import World
from tests.scheduling.results_of import Results
from tests.valkey import Valkey

_PREFIX = "sd:{0}:"


@pytest.fixture
def results(store: PlainStore) -> Results:
    """A ledger after three utterances of one session, all answered and told."""
    made = Results(World(store))
    made.open("s")
    bodies = Bodies(store, made.world.settings)
    for number, job in enumerate("abc"):
        made.start(job, index=number)
        bodies.put(f"a:{job}", "c291bmQ=").wait()
        made.end(job, f"text {number}")
    drain_shards(made.ledger, bodies, [made.shard()])
    return made


def _auditor(store: PlainStore) -> Auditor:
    return Auditor(store, ["node"])


def test_a_ledger_in_order_is_quiet_and_without_findings(results: Results, store: PlainStore) -> None:
    auditor = _auditor(store)
    auditor.sample()
    assert (auditor.overcommitted, auditor.samples) == ([], 1)
    assert auditor.is_quiet()
    findings = auditor.audit()
    assert (findings.leaked_slots, findings.faults) == (0, [])


def test_a_job_that_still_runs_is_no_quiet_and_a_leaked_slot(results: Results, store: PlainStore) -> None:
    results.start("d", index=3)
    auditor = _auditor(store)
    assert not auditor.is_quiet()
    findings = auditor.audit()
    assert findings.leaked_slots == 1
    told = " ".join(findings.faults)
    assert "leaked lease node: d|1|1" in told and "deadline of a job: j|d" in told
    assert "job:d is dispatched" in told and "4 order numbers for pt, 3 released" in told


def test_a_result_nobody_has_drained_is_told(results: Results, store: PlainStore) -> None:
    results.start("d", index=3)
    results.end("d", "late")
    auditor = _auditor(store)
    assert not auditor.is_quiet()
    assert any("not drained" in each for each in auditor.audit().faults)


def test_a_node_with_more_leases_than_slots_is_over_committed(results: Results, store: PlainStore) -> None:
    results.world.ready("small", slots=2)
    auditor = Auditor(store, ["node", "small", "unknown"])
    for number in range(2):
        store.command("ZADD", f"{_PREFIX}leases:small", 1, f"j|1|{number}")
    auditor.sample()
    assert auditor.overcommitted == []
    store.command("ZADD", f"{_PREFIX}leases:small", 1, "one too many|1|1")
    auditor.sample()
    assert auditor.overcommitted == ["small has 3 leases for 2 slots"]


_FAULTS: dict[str, tuple[Callable[[PlainStore], object], str]] = {
    "a waiting job nobody serves": (
        lambda store: store.command("HSET", f"{_PREFIX}cell", "waiting", 1),
        "1 waiting jobs",
    ),
    "a queue": (lambda store: store.command("ZADD", f"{_PREFIX}waiting:r", 1, "j"), "somebody waits"),
    "bodies that the account does not know": (
        lambda store: store.command("SET", f"{_PREFIX}body:a:x", "12345"),
        "None on the account",
    ),
    "an account that does not add up": (
        lambda store: store.command("HINCRBY", f"{_PREFIX}cell", "bodies", 5),
        "total is 29, their sum 24",
    ),
    "an index that lacks one": (
        lambda store: store.command("ZPOPMIN", f"{_PREFIX}bodyindex"),
        "total is 24, their sum",
    ),
    "a gap in a stream": (lambda store: _drop(store, 1), "the stream of s has [1, 3]"),
    "a stream that ends too soon": (lambda store: _drop(store, 2), "the stream of s has [1, 2]"),
    "a number that was given and not released": (
        lambda store: store.command("HINCRBY", f"{_PREFIX}session:s", "order:pt", 1),
        "4 order numbers for pt, 3 released",
    ),
}


def _drop(store: PlainStore, place: int) -> None:
    stream = f"{_PREFIX}out:s"
    entry_id, _ = store.command("XRANGE", stream, "-", "+")[place]
    store.command("XDEL", stream, entry_id)


@pytest.mark.parametrize("fault", _FAULTS)
def test_each_fault_is_found(results: Results, store: PlainStore, fault: str) -> None:
    make, words = _FAULTS[fault]
    make(store)
    findings = _auditor(store).audit()
    assert findings.leaked_slots == 0
    assert any(words in each for each in findings.faults), findings.faults


def test_a_store_that_is_away_is_asked_another_time(own_valkey: Valkey) -> None:
    with PlainStore(own_valkey.url, timeout_s=0.2) as store:
        auditor = _auditor(store)
        own_valkey.kill()
        auditor.sample()
        assert auditor.samples == 0
        assert not auditor.is_quiet()
