"""The operator's file comes into force without a restart, when it is right."""

import os
from pathlib import Path

import pytest

from scheduling import pooling
from scheduling.catalog import read_pools, read_snapshot
from scheduling.pool_watch import PoolFileWatch
from scheduling.store.plain import PlainStore
from tests.lua.world import CLASSES, POOLS, World

GOLD = "[[pools]]\npool_id = 'gold'\n"


@pytest.fixture
def world(store: PlainStore) -> World:
    return World(store)


def write(path: Path, text: str) -> None:
    """Write it so that the change shows, however soon after the last one."""
    stamp = path.stat().st_mtime_ns + 1_000_000 if path.exists() else None
    path.write_text(text)
    if stamp:
        os.utime(path, ns=(stamp, stamp))


def in_force(world: World) -> list[str]:
    return [pool.pool_id for pool in read_pools(world.store, world.keys).file.pools]


def error(world: World) -> str:
    return world.dump().hash("cell")["poolfile_error"]


def test_a_file_comes_into_force_and_goes(world: World, tmp_path: Path) -> None:
    path = tmp_path / "pools.toml"
    write(path, GOLD)
    world.ready("n1")
    pooling.settle_pools(world.ledger)
    watch = PoolFileWatch(str(path))
    assert watch.look(world.ledger)
    assert in_force(world) == ["gold"]
    assert world.dump().members("members:cfg-gold") == {"n1"}
    snapshot = read_snapshot(world.store, world.keys)
    assert snapshot and snapshot.file == read_pools(world.store, world.keys).file
    assert not watch.look(world.ledger)  # nothing changed
    write(path, GOLD.replace("gold", "silver"))
    assert watch.look(world.ledger)
    assert set(world.node("n1")["pools"].split()) == {POOLS["A"], "cfg-silver"}
    assert PoolFileWatch("").look(world.ledger)
    assert in_force(world) == []
    assert world.node("n1")["pools"] == CLASSES["A"].class_id


def test_a_wrong_file_leaves_the_one_in_force_and_says_why(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "pools.toml"
    write(path, GOLD)
    watch = PoolFileWatch(str(path))
    watch.look(world.ledger)
    write(path, GOLD + "colour = 'red'\n")
    assert not watch.look(world.ledger)
    assert in_force(world) == ["gold"]
    assert "pools[0].colour is not known here" in error(world)
    assert caplog.text.count("colour") == 1
    watch.look(world.ledger)
    assert caplog.text.count("colour") == 1  # said once
    path.unlink()
    assert not watch.look(world.ledger)
    assert "cannot be read" in error(world)
    assert in_force(world) == ["gold"]
    write(path, GOLD)
    assert watch.look(world.ledger)
    assert error(world) == ""


def test_a_flushed_ledger_is_given_the_file_again(world: World, tmp_path: Path) -> None:
    path = tmp_path / "pools.toml"
    write(path, GOLD)
    watch = PoolFileWatch(str(path))
    watch.look(world.ledger)
    world.store.command("FLUSHALL")
    world.ledger.cell.open()
    assert watch.look(world.ledger)
    assert in_force(world) == ["gold"]


def test_two_processes_with_one_file_raise_the_version_once(world: World, tmp_path: Path) -> None:
    path = tmp_path / "pools.toml"
    write(path, GOLD)
    for _ in range(2):
        PoolFileWatch(str(path)).look(world.ledger)
    assert read_pools(world.store, world.keys).version == 1
