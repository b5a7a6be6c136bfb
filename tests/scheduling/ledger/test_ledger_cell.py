"""A cell is opened by whoever finds it closed; limits come from the settings."""

import re
from importlib.resources import files

import pytest

from scheduling.ledger import Dispatch
from scheduling.ledger.codes import UnknownNode, UnknownSession
from scheduling.settings import SCRIPT_LIMITS, Settings
from scheduling.store.plain import PlainStore
from tests.lua.world import PT, World


def test_a_flushed_cell_is_opened_by_the_next_call_and_has_another_epoch(world: World) -> None:
    world.ready("n1")
    epoch = world.ledger.cell.epoch
    world.store.command("FLUSHALL")
    with pytest.raises(UnknownNode):  # not CellClosed: that was dealt with
        world.beat("n1")
    assert world.ledger.cell.epoch not in ("", epoch)
    assert world.store.command("HGET", world.keys.cell, "epoch").decode() == world.ledger.cell.epoch
    world.ready("n1")
    assert world.node("n1")["status"] == "ready"


def test_several_calls_open_a_flushed_cell_too(world: World) -> None:
    world.store.command("FLUSHALL")
    assert world.ledger.nodes.link_all([(PT, ["a"]), (PT, ["b"])], 0) == [0, 0]


def test_the_epoch_stays_while_the_keys_do(world: World, store: PlainStore) -> None:
    assert World(store).ledger.cell.epoch == world.ledger.cell.epoch


def test_a_session_is_told_the_epoch(world: World) -> None:
    epoch, _ = world.ledger.sessions.open("s", "web1", "client", "{}")
    assert epoch == f"{world.ledger.cell.epoch}.{world.now_ms}"
    world.store.command("FLUSHALL")
    with pytest.raises(UnknownSession):
        world.reserve("j1")
    assert world.ledger.sessions.open("s", "web1", "client", "{}")[0] not in ("", epoch)


def test_a_call_that_is_not_waited_for_leaves_a_closed_cell_alone(world: World) -> None:
    world.store.command("FLUSHALL")
    world.ledger.jobs.submit_dispatched([Dispatch("j1", "n1", 1, "t")], "web1")
    assert world.store.command("DBSIZE") == 0


def test_limits_in_force_are_those_of_the_last_process_that_started(world: World, store: PlainStore) -> None:
    assert world.dump().hash("cell")["wait_ms"] == "10000"
    World(store, wait_ms=50)
    assert world.dump().hash("cell")["wait_ms"] == "50"


def test_scripts_read_the_limits_that_are_written() -> None:
    folder = files("lua")
    texts = [
        entry.read_text(encoding="utf-8")
        for place in (folder, folder.joinpath("include"))
        for entry in place.iterdir()
        if entry.name.endswith(".lua")
    ]
    read = {
        name
        for text in texts
        for name in re.findall(r"'([a-z_]+)'", " ".join(re.findall(r"limit\([^)]*\)", text)))
    }
    assert read - {"waiting", "vtime", "ended_ms", "gap_ms", "bodies", "pools_version"} == set(
        SCRIPT_LIMITS
    ), "what the scripts count"
    assert set(SCRIPT_LIMITS) <= set(Settings.model_fields)
