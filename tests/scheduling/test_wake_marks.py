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


def test_they_are_made_anew_thrice_in_their_time(store: PlainStore, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr("scheduling.wake_marks.time.monotonic", lambda: now_s)
    marks = WakeMarks(store, ["w:0", "w:1"], 300)
    assert marks.renewal() == [("SET", "w:0", "1", "PX", 300), ("SET", "w:1", "1", "PX", 300)]
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


def test_a_drain_makes_those_of_all_its_shards_before_it_works(valkey: Valkey, store: PlainStore) -> None:
    """They lapsed under a drain at work: each shard woke another one four times a second, for nothing."""
    with Watched(valkey.url) as watched:
        results = Results(World(watched))
        results.open("s")
        results.start("a")
        results.end("a", "one")
        marks = [results.ledger.keys.wake(shard) for shard in range(4)]
        watched.asked.clear()
        assert drain_shards(results.ledger, results.bodies, range(4)).count == 1
        made = next(number for number, asked in enumerate(watched.asked) if f"SET {marks[0]}" in asked)
        first_read = f"HMGET {results.ledger.keys.job('a')}"
        assert watched.asked[made] == [*(f"SET {mark}" for mark in marks), first_read]
        assert [f"DEL {marks[0]}"] in watched.asked[made:]
    assert store.command("EXISTS", *marks) == 0


def test_a_result_wakes_nobody_until_they_are_gone(store: PlainStore) -> None:
    results = Results(World(store))
    results.open("s")
    marks = WakeMarks(store, [results.ledger.keys.wake(shard) for shard in range(4)], 60_000)
    store.commands(marks.renewal())
    assert [_wakes(results, job) for job in "ab"] == [False, False]
    marks.remove()
    assert [_wakes(results, job) for job in "cd"] == [True, False]


def _wakes(results: Results, job: str) -> bool:
    results.start(job)
    done = results.ledger.jobs.complete(job, "node", 1, "ok", instance="web1", result="{}")
    return done.wake
