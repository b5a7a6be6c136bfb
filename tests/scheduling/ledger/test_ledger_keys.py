"""Key names: one hash tag, every kind documented, every key with an end."""

import re

from hypothesis import given
from hypothesis import strategies as st

from scheduling import keys, scripts
from scheduling.keys import Keys, shard_of
from tests.lua.world import POOLS, PT, World, result

#: Keys that live as long as the cell or hold only what is removed one by one.
_LASTING = {
    "cell", "nodes", "instances", "latency", "pools", "requirements", "deadlines", "snapshot",
    "bodyindex", "classmakers", "leases", "pool", "members", "poolwhy", "reqpools", "waiting", "poolwaiting",
    "outbox",
}  # fmt: skip


def documented() -> set[str]:
    """First words of the key column of the table."""
    rows = re.findall(r"^\| (``[^|]+``)", keys.__doc__ or "", flags=re.MULTILINE)
    return {name.split(":")[0] for row in rows for name in re.findall(r"``([^`]+)``", row)}


def lived_in(world: World) -> None:
    """Leave a key of every kind the scripts write."""
    world.ready("n1")
    world.ready("n2", "C")
    world.open()
    world.ledger.nodes.link(PT, [POOLS["A"], POOLS["C"]])
    for number in range(4):
        world.reserve(f"j{number}", instance="web1")
    world.ledger.jobs.complete("j0", world.job("j0")["node"], 1, "ok", instance="web2")
    world.ledger.nodes.offline("n2", "so-n2", "closed", 0)
    for order in (0, 2):
        world.ledger.sessions.store(result(order))
    world.ledger.sessions.release("s", "pt")


def test_every_key_in_use_is_in_the_table(world: World) -> None:
    lived_in(world)
    used = {key.split(":")[0] for key in world.dump().content}
    assert used <= documented()
    assert {"job", "leases", "waiting", "poolwaiting", "inbox", "outbox", "out", "ready"} <= used


def test_every_kind_the_scripts_name_is_in_the_table() -> None:
    text = "".join(script.source for script in scripts.load_all().values())
    kinds = set(re.findall(r"\bkey\('(\w+)'", text)) | set(re.findall(r"PREFIX \.\. '(\w+)'", text))
    assert kinds <= documented()


def test_what_does_not_last_has_a_time_to_live_once_it_ended(world: World) -> None:
    lived_in(world)
    for _ in range(14):
        world.go(10_000)
        world.settle()
    found = world.dump()
    mortal = {key.split(":")[0] for key in found.mortal}
    assert {key.split(":")[0] for key in found.content} - mortal <= _LASTING
    for kind in ("job", "node", "session", "request", "inbox", "out", "ready"):
        assert all(f"{kind}:{name}" in found.mortal for name in found.named(kind)), kind


def test_all_keys_of_a_cell_share_its_hash_tag() -> None:
    names = Keys("7")
    built = [
        names.node("n"),
        names.job("j"),
        names.out("s"),
        names.body("b"),
        names.results(3),
        names.once("x"),
    ]
    assert {name.split(":")[1] for name in [names.cell, names.deadlines, *built]} == {"{7}"}


@given(st.text(), st.integers(1, 64))
def test_shard_of_a_session_is_stable_and_there(session: str, shards: int) -> None:
    assert 0 <= shard_of(session, shards) < shards
    assert shard_of(session, shards) == shard_of(session, shards)
