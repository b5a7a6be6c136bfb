"""What a cell takes in memory: the sizes that the bounds are made of, and the table in the documents."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from scheduling import memory
from scheduling.bodies import Bodies
from scheduling.drain import drain_shards
from scheduling.ledger.codes import BodyBudgetSpent
from scheduling.settings import Settings
from scheduling.store.plain import PlainStore
from tests.lua.world import World, reservation, result
from tests.scheduling.results_of import Results

TABLE = Path(__file__).parent.parent.parent / "docs" / "memory.md"
SPOKEN = "word " * 100
"""What is said in half a minute or more."""


def _size(store: PlainStore, key: str) -> int:
    return int(store.command("MEMORY", "USAGE", key, "SAMPLES", 0))


def test_nothing_is_larger_than_the_bounds_count_it(store: PlainStore) -> None:
    results = Results(World(store))
    keys = results.ledger.keys
    results.open("s")
    for number in range(20):
        results.start(f"j{number}", index=number)
        results.end(f"j{number}", SPOKEN)
    assert _size(store, keys.job("j0")) <= memory.JOB_BYTES
    drain_shards(results.ledger, results.bodies, [results.shard()])
    assert _size(store, keys.session("s")) <= memory.SESSION_BYTES
    assert store.command("XLEN", keys.out("s")) == 20
    assert _size(store, keys.out("s")) <= 20 * memory.OUT_ENTRY_BYTES
    for order in range(20, 120):
        results.ledger.sessions.store(result(order))
        results.ledger.sessions.release("s", "pt")
    entries = int(store.command("XLEN", keys.inbox("web1")))
    assert entries > 100
    assert _size(store, keys.inbox("web1")) <= entries * memory.INBOX_ENTRY_BYTES
    assert _size(store, keys.node("node")) <= memory.NODE_BYTES


def test_an_assignment_on_its_way_with_its_audio_is_not_larger_than_counted(store: PlainStore) -> None:
    world = World(store)
    world.ready("n1", instance="web2", slots=40)
    world.open()
    spec = json.dumps({"of": SPOKEN})
    for number in range(20):
        job = f"j{number}"
        body = Bodies(store, world.settings).along(f"a:{job}", "A" * 32_768)
        world.ledger.jobs.reserve(replace(reservation(job), spec=spec, body=body))
    assert sum("data" in entry for entry in world.inbox("web2")) == 20
    assert _size(store, world.keys.inbox("web2")) <= 20 * memory.CARRIED_BYTES


def test_a_result_told_whole_is_not_larger_than_counted(store: PlainStore) -> None:
    world = World(store)
    world.open()
    for order in range(40):
        one = result(order)
        world.ledger.sessions.store_all([replace(one, main="x" * (2048 - len(one.events)))])
    told = world.inbox()
    assert sum("main" in entry for entry in told) == 40
    assert _size(store, world.keys.inbox("web1")) <= len(told) * memory.INBOX_ENTRY_BYTES


def test_out_stream_keeps_so_many_results(store: PlainStore) -> None:
    world = World(store, out_entries=32)
    world.open()
    for order in range(200):
        world.ledger.sessions.store(result(order))
        world.ledger.sessions.release("s", "pt")
    kept = [int(entry["order"]) for entry in world.dump().entries("out:s")]
    assert kept[-1] == 199
    assert 32 <= len(kept) <= 32 + 100, "whole nodes of the stream are dropped, of 100 entries at most"


def test_audio_and_speech_are_told_apart_and_share_the_budget(store: PlainStore) -> None:
    settings = Settings(redis_url="redis://unused", body_budget=2**20)
    bodies, account = Bodies(store, settings), World(store).keys.cell
    bodies.put("a:1", "x" * 600_000).wait()
    bodies.put("s:1", "x" * 400_000).wait()
    with pytest.raises(BodyBudgetSpent):
        bodies.put("a:2", "x" * 100_000).wait()
    assert memory.read_kinds(store, account) == {"audio": 600_000, "speech": 400_000}
    bodies.drop("a:1").wait()
    assert memory.read_kinds(store, account) == {"audio": 0, "speech": 400_000}
    store.command("HINCRBY", account, "clock", 10_000_000)
    bodies.put("a:2", "x").wait()
    assert memory.read_kinds(store, account) == {"audio": 1, "speech": 0}, "what lapsed is off the account"


def test_every_part_is_measured(store: PlainStore) -> None:
    world = World(store)
    world.ready("n1", slots=2)
    world.open()
    for number in range(5):
        world.reserve(f"j{number}")
    world.ledger.sessions.store(result(0))
    world.ledger.sessions.release("s", "pt")
    Bodies(store, world.settings).put("a:j0", "c291bmQ=").wait()
    measured = memory.read_memory(world.ledger.cell, store, ["s"])
    parts = {part.bound.part: part for part in measured.parts}
    assert parts.keys() == memory.bounds(world.settings).keys()
    assert (parts["waiting jobs"].count, parts["running jobs"].count) == (3, 2)
    assert parts["waiting jobs"].bytes_now > 3 * 100
    assert (parts["audio and speech"].count, parts["audio and speech"].bytes_now) == (1, 8)
    assert parts["nodes"].count == 1
    assert parts["nodes"].bytes_now > 100
    assert measured.ledger_used is not None
    assert measured.ledger_used > 100_000


def test_table_in_the_documents_is_what_the_settings_say() -> None:
    rows = re.findall(
        r"^\| ([a-z ]+) \| `(.+?)` \| ([\d,]+ MB|by load) \| (.+?) \|$", TABLE.read_text(), re.M
    )
    stated = {part: (formula, most, reached) for part, formula, most, reached in rows}
    expected = {
        name: (
            bound.formula,
            "by load" if bound.bytes_at_most is None else f"{bound.bytes_at_most // 2**20:,} MB",
            bound.when_reached,
        )
        for name, bound in memory.bounds(Settings(redis_url="redis://unused")).items()
    }
    assert stated == expected
