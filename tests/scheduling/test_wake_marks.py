"""Marks that keep results from waking a drain while one is at work."""

from collections.abc import Sequence
from typing import Any

import pytest

from scheduling.drain import drain_shards
from scheduling.store.base import Parts
from scheduling.store.plain import PlainStore
from scheduling.wake_marks import WakeMarks
from tests.lua.world import World
from tests.scheduling.results_of import Results
from tests.valkey import Valkey


def test_they_are_renewed_thrice_in_their_time(store: PlainStore, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr("scheduling.wake_marks.time.monotonic", lambda: now_s)
    marks = WakeMarks(store, ["w:0", "w:1"], 300)
    assert marks.renewal() == [("PEXPIRE", "w:0", 300), ("PEXPIRE", "w:1", 300)]
    now_s += 0.099
    assert marks.renewal() == []
    now_s += 0.002
    assert len(marks.renewal()) == 2
    marks.remove()
    assert len(marks.renewal()) == 2


class Watched(PlainStore):
    """Notes what is asked in one round trip."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked: list[list[str]] = []

    def command(self, *parts: Any, **how: Any) -> Any:
        self.asked.append([" ".join(map(str, parts[:2]))])
        return super().command(*parts, **how)

    def commands(self, requests: Sequence[Parts], **how: Any) -> list[Any]:
        self.asked.append([" ".join(map(str, parts[:2])) for parts in requests])
        return super().commands(requests, **how)


def test_a_drain_renews_those_of_all_its_shards_before_it_works(valkey: Valkey, store: PlainStore) -> None:
    """They lapsed under a drain at work: each shard woke another one four times a second, for nothing."""
    with Watched(valkey.url) as watched:
        results = Results(World(watched))
        results.open("s")
        results.start("a")
        results.end("a", "one")
        marks = [results.ledger.keys.wake(shard) for shard in range(4)]
        watched.asked.clear()
        assert drain_shards(results.ledger, results.bodies, range(4)).count == 1
        made = next(number for number, asked in enumerate(watched.asked) if f"PEXPIRE {marks[0]}" in asked)
        first_read = f"HMGET {results.ledger.keys.job('a')}"
        assert watched.asked[made] == [*(f"PEXPIRE {mark}" for mark in marks), first_read]
        assert [f"DEL {marks[0]}"] in watched.asked[made:]
    assert store.command("EXISTS", *marks) == 0


def test_a_result_wakes_nobody_while_they_stand(store: PlainStore) -> None:
    results = Results(World(store))
    results.open("s")
    mark = results.ledger.keys.wake(results.shard())
    marks = WakeMarks(store, [mark], 60_000)
    assert [_wakes(results, job) for job in "ab"] == [True, False]
    store.command("PEXPIRE", mark, 5000)
    store.commands(marks.renewal())
    assert store.command("PTTL", mark) > 50_000
    marks.remove()
    assert [_wakes(results, job) for job in "cd"] == [True, False]


def test_a_full_server_keeps_no_drain_from_its_work(own_valkey: Valkey) -> None:
    """What drains release is what makes room."""
    with PlainStore(own_valkey.url) as store:
        marks = WakeMarks(store, ["w:0"], 1000)
        store.command("SET", "w:0", "1", "PX", 500)
        store.command("CONFIG", "SET", "maxmemory", "1")
        assert store.commands(marks.renewal()) == [1]
        marks.remove()
        assert store.command("EXISTS", "w:0") == 0


def _wakes(results: Results, job: str) -> bool:
    results.start(job)
    done = results.ledger.jobs.complete(job, "node", 1, "ok", instance="web1", result="{}")
    return done.wake
