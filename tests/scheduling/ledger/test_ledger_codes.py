"""Every refusal of a script becomes its own error, and only what scripts say has one."""

import re
from collections.abc import Callable
from importlib.resources import files

import pytest

from scheduling import scripts
from scheduling.bodies import Bodies
from scheduling.errors import DispatchError
from scheduling.keys import SCHEMA
from scheduling.ledger import codes
from scheduling.ledger.codes import (
    BodyBudgetSpent,
    LedgerError,
    NodeIdConflict,
    NodeReplaced,
    NoNode,
    QueueFull,
    SchemaMismatch,
    SessionMoved,
    StaleAttempt,
    StaleCapabilities,
    UnknownJob,
    UnknownNode,
    UnknownSession,
    error_for,
)
from scheduling.store.plain import PlainStore
from tests.lua.world import CLASSES, World

Refusal = Callable[[World], object]


def stated_codes() -> set[int]:
    """Every negative code in the scripts."""
    sources = [script.source for script in scripts.load_all().values()]
    return {int(code) for source in sources for code in re.findall(r"return (?:ended )?\{(-\d+)", source)}


def test_every_code_of_the_scripts_has_an_error_and_every_error_a_code() -> None:
    assert stated_codes() == set(range(-21, 0))
    kinds = {type(error_for("x", [code, b"7", 1])) for code in stated_codes()}
    assert kinds == set(LedgerError.__subclasses__())
    assert issubclass(LedgerError, DispatchError)


def test_the_tree_in_the_docstring_is_complete() -> None:
    drawn = set(re.findall(r"[├└]── (\w+)", codes.__doc__ or ""))
    assert drawn == {kind.__name__ for kind in LedgerError.__subclasses__()}


def test_error_names_the_script() -> None:
    assert (
        str(error_for("complete", [-7]))
        == "complete: The attempt is not the running one; nothing was changed."
    )


def prepared(world: World) -> None:
    """A node with one slot, which a job of an open session has taken."""
    world.ready("n1")
    world.open()
    world.reserve("j1")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda w: w.register("n1", socket="thief", credential="stolen"), NodeIdConflict),
        (lambda w: w.beat("nobody"), UnknownNode),
        (lambda w: w.ledger.nodes.touch("nobody", "so"), UnknownNode),
        (lambda w: w.ledger.nodes.drain("nobody", "operator", ""), UnknownNode),
        (lambda w: w.ledger.nodes.set_pools("nobody", CLASSES["A"], []), UnknownNode),
        (lambda w: w.beat("n1", socket="former"), NodeReplaced),
        (lambda w: w.ledger.nodes.touch("n1", "former"), NodeReplaced),
        (lambda w: w.ledger.nodes.set_pools("n1", CLASSES["B"], []), StaleCapabilities),
        (lambda w: w.reserve("j2", session="nobody"), UnknownSession),
        (lambda w: w.reserve("j2", instance="web2"), SessionMoved),
        (lambda w: w.ledger.jobs.advance("nothing", "n1", 1, "accepted", "t", "web1"), UnknownJob),
        (lambda w: w.ledger.jobs.complete("nothing", "n1", 1, "ok", instance="web1"), UnknownJob),
        (lambda w: w.ledger.jobs.requeue("nothing", "n1", 1, "X", "x"), UnknownJob),
        (lambda w: w.ledger.jobs.cancel("nothing", "X", "x"), UnknownJob),
        (lambda w: w.ledger.jobs.advance("j1", "n1", 2, "accepted", "t", "web1"), StaleAttempt),
        (lambda w: w.ledger.jobs.complete("j1", "n2", 1, "ok", instance="web1"), StaleAttempt),
        (lambda w: w.ledger.jobs.requeue("j1", "n1", 0, "X", "x"), StaleAttempt),
    ],
)
def test_refusal_becomes_its_error_and_changes_nothing(
    world: World, call: Refusal, error: type[LedgerError]
) -> None:
    prepared(world)
    before = world.dump()
    with pytest.raises(error):
        call(world)
    assert world.dump() == before


def test_no_node(world: World) -> None:
    world.open()
    with pytest.raises(NoNode):
        world.reserve("j1")


def test_full_queue_says_when_to_come_back(store: PlainStore) -> None:
    world = World(store, max_waiting=1)
    prepared(world)
    world.reserve("j2")
    with pytest.raises(QueueFull) as refused:
        world.reserve("j3")
    assert refused.value.wait_ms > 0
    assert "order:pt" in world.dump().hash("session:s")
    assert world.dump().hash("session:s")["order:pt"] == "2"


def test_body_budget(store: PlainStore) -> None:
    world = World(store, body_budget=2**20)
    with pytest.raises(BodyBudgetSpent):
        Bodies(store, world.settings).put("a", "x" * (2**20 + 1)).wait()


def test_cell_of_another_layout_is_refused(world: World) -> None:
    world.store.command("HSET", world.keys.cell, "schema", "0")
    with pytest.raises(SchemaMismatch, match="layout 0, this one has layout"):
        world.ledger.cell.open()


def test_every_script_refuses_a_cell_of_another_layout(world: World) -> None:
    """Only opening a cell looked, which a process that began while the server was away never did again."""
    assert f"local SCHEMA = '{SCHEMA}'" in files("lua").joinpath("include/ground.lua").read_text()
    world.store.command("HSET", world.keys.cell, "schema", "0")
    before = world.dump()
    with pytest.raises(SchemaMismatch):
        world.open("s")
    assert world.dump() == before


def test_includes_refuse_only_a_closed_cell() -> None:
    """An include that returned a code would end scripts in the middle of their work."""
    folder = files("lua").joinpath("include")
    texts = {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir()}
    assert {name for name, text in texts.items() if re.search(r"return \{-\d", text)} == {"ground.lua"}
