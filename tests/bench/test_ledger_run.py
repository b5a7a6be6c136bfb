"""A shorter walk of the long run, and proof that its checks find what is wrong."""

import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from bench.ledger_walk import Found, Walk
from scheduling import scripts
from scheduling.simulation.lockstep import run_together
from scheduling.store.plain import PlainStore
from tests.valkey import Valkey

CELLS = 24


def walk(url: str, steps: int) -> tuple[Found, list[Walk]]:
    with PlainStore(url) as store:
        store.command("FLUSHALL")
    walks = [Walk(url, f"w{number}", 1000 + number, steps) for number in range(CELLS)]
    total = Found()
    for found in run_together(url, [each.run for each in walks]):
        total.add(found)
    return total, walks


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a copy of the scripts that is used instead of them."""
    folder = tmp_path / "lua"
    shutil.copytree(str(files("lua")), folder)
    monkeypatch.setattr(scripts, "files", lambda _name: folder)
    for cached in (scripts.load, scripts.load_all):
        cached.cache_clear()
    yield folder
    monkeypatch.undo()
    for cached in (scripts.load, scripts.load_all):
        cached.cache_clear()


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.timeout(300)
def test_nothing_is_wrong_after_many_random_operations(valkey: Valkey) -> None:
    total, walks = walk(valkey.url, 1000)
    assert total.ops > 25_000
    assert vars(total) == vars(Found(ops=total.ops))
    assert sum(each.ended for each in walks) > 2000
    assert sum(each.waited for each in walks) > 500, "a walk on which nobody waits shows nothing"


def test_a_slot_leased_twice_is_found(valkey: Valkey, broken: Path) -> None:
    change(broken / "include" / "nodes.lua", "return node.max - node.held - node.used", "return node.max")
    assert walk(valkey.url, 150)[0].over_commit > 0


def test_a_slot_never_given_back_is_found(valkey: Valkey, broken: Path) -> None:
    change(
        broken / "include" / "jobs.lua",
        "1, job.cost do\n    redis.call('ZREM'",
        "2, job.cost do\n    redis.call('ZREM'",
    )
    assert walk(valkey.url, 150)[0].leaks > 0


def test_a_job_that_waits_beside_a_free_slot_is_found(valkey: Valkey, broken: Path) -> None:
    change(broken / "include" / "serving.lua", "local job = next_job_for(node)", "local job = nil")
    assert walk(valkey.url, 150)[0].idle_while_waiting > 0
