"""Pairing codes in the ledger."""

import pytest

from scheduling.ledger.codes import UnknownNode
from scheduling.ledger.pairing import ALPHABET, LENGTH, TTL_MS
from tests.lua.world import POOLS, PT, World


def test_a_code_is_long_and_unambiguous() -> None:
    assert not set("01OIL") & set(ALPHABET)
    assert len(ALPHABET) ** LENGTH > 10**11


def test_a_code_stands_for_its_node_however_it_is_typed(world: World) -> None:
    code = world.ledger.pairing.issue("n1").code
    assert len(code) == LENGTH and set(code) <= set(ALPHABET)
    for typed in (code, code.lower(), f" {code[:4]} {code[4:]} ", f"{code[:4]}-{code[4:]}"):
        assert world.ledger.pairing.node_of(typed) == "n1"


@pytest.mark.parametrize("typed", ["", "ABC", "O0O0O0O0", "ABCDEFGH", "*" * 8, "Ａ" * 8])
def test_what_is_no_code_stands_for_nobody(world: World, typed: str) -> None:
    assert world.ledger.pairing.node_of(typed) == ""


def test_a_code_lapses(world: World) -> None:
    code = world.ledger.pairing.issue("n1").code
    left = world.store.command("PTTL", f"{world.keys.prefix}pairing:{code}")
    assert TTL_MS - 60_000 < left <= TTL_MS
    world.store.command("DEL", f"{world.keys.prefix}pairing:{code}")
    assert world.ledger.pairing.node_of(code) == ""


def test_a_new_code_ends_the_former(world: World) -> None:
    former = world.ledger.pairing.issue("n1").code
    assert world.ledger.pairing.issue("n1").code == former
    world.go(20_000)
    assert world.ledger.pairing.issue("n1").code != former
    assert world.ledger.pairing.node_of(former) == ""


def test_a_pinned_node_has_a_pool_of_its_own_until_it_changes(world: World) -> None:
    world.ready("n1", "A")
    world.ready("n2", "C")
    assert world.ledger.pairing.pin("n1") == POOLS["A"]
    assert world.dump().members("members:node-n1") == {"n1"}
    world.register("n1", klass="A", socket="so-again")
    assert world.dump().members("members:node-n1") == {"n1"}
    world.beat("n1", klass="C", socket="so-again", changed=True)
    assert world.dump().members("members:node-n1") == set()
    with pytest.raises(UnknownNode):
        world.ledger.pairing.pin("nobody")


def test_a_job_waits_for_a_pinned_node_beside_an_idle_one(world: World) -> None:
    world.ready("n1", "A")
    world.ready("n2", "A")
    world.open()
    world.ledger.pairing.pin("n1")
    for job in ("j1", "j2"):
        world.reserve(job, requirement=PT, pools=["node-n1"])
    assert world.job("j1")["node"] == "n1"
    assert world.job("j2")["state"] == "waiting"
    world.ledger.jobs.complete("j1", "n1", 1, "ok", instance="web1")
    assert world.job("j2")["node"] == "n1"
