"""Every script through a store that loses requests and replies: who asks again gets the same end.

The scenarios are those of `tests/lua/test_twice.py`, of which each script must have one.
"""

import json
import re
from typing import Any

import pytest

from scheduling import scripts
from scheduling.errors import StoreError
from scheduling.store.plain import PlainStore
from tests.faults import Fault, Faults, FaultyStore, PatientStore
from tests.lua import test_twice  # noqa: F401  # registers its scenarios
from tests.lua.dump import Dump
from tests.lua.twice import SCENARIOS, Scenario
from tests.lua.world import World

#: Faults that do not change the order of calls: these must not change the outcome either.
_IN_ORDER = (Fault.UNSENT, Fault.LOST_REPLY, Fault.TWICE, Fault.REFUSED)
_SEEDS = (1, 2, 3)


@pytest.mark.parametrize("seed", _SEEDS)
@pytest.mark.parametrize(("script", "body"), SCENARIOS, ids=lambda part: getattr(part, "__name__", part))
def test_asking_again_until_there_is_an_answer_is_asking_once(
    store: PlainStore, script: str, body: Scenario, seed: int
) -> None:
    calm = World(store)
    body(calm)
    expected = _comparable(calm.dump())
    store.command("FLUSHALL")
    faulty = PatientStore(store, Faults(seed, rate=0.5, kinds=_IN_ORDER))
    world = World(faulty)
    body(world)
    faulty.calm()
    assert _comparable(world.dump()) == expected


def test_the_faults_reach_every_script_in_every_way(store: PlainStore) -> None:
    """Otherwise the test above would prove less than it says."""
    missing = {(name, kind) for name in scripts.load_all() for kind in _IN_ORDER}
    # What a scenario asks goes by the clock as well: how many rounds it takes is not the seeds' affair alone.
    for seed, (script, body) in enumerate(SCENARIOS * 100):
        if not any(name == script for name, _ in missing):
            continue
        store.command("FLUSHALL")
        faulty = PatientStore(store, Faults(seed, rate=0.7, kinds=_IN_ORDER))
        body(World(faulty))
        missing -= set(faulty.faults.met)
    assert not missing


def test_the_same_seed_gives_the_same_faults(store: PlainStore) -> None:
    assert _course(store, 7) == _course(store, 7) != _course(store, 8)


def _course(store: PlainStore, seed: int) -> list[str]:
    """Give what becomes of 40 commands."""
    faulty = FaultyStore(store, Faults(seed, rate=0.5))
    course = []
    for number in range(40):
        try:
            course.append(str(faulty.command("SET", "number", number)))
        except StoreError as error:
            course.append(repr(error))
    return course


def test_what_each_fault_does(store: PlainStore) -> None:
    """A lost request does not happen, a lost reply does; a late one happens when others have."""

    def ask(kind: Fault) -> tuple[str, int]:
        store.command("SET", "n", 0)
        faulty = FaultyStore(store, Faults(1, rate=1, kinds=[kind]))
        try:
            faulty.command("INCR", "n")
            said = "answered"
        except StoreError as error:
            said = type(error).__name__
        at_once = store.command("GET", "n")
        faulty.calm()
        return f"{said}, {at_once.decode()} at once", int(store.command("GET", "n"))

    assert ask(Fault.UNSENT) == ("StoreUnavailable, 0 at once", 0)
    assert ask(Fault.LOST_REPLY) == ("StoreTimeout, 1 at once", 1)
    assert ask(Fault.TWICE) == ("answered, 2 at once", 2)
    assert ask(Fault.LATE) == ("StoreTimeout, 0 at once", 1)
    assert ask(Fault.REFUSED)[1] == 0


def _comparable(found: Dump) -> Any:
    """Leave out what differs between any two runs: random names, and ids of streams made of the time."""
    content = {
        key: [fields for _, fields in value] if isinstance(value, list) else value
        for key, value in found.content.items()
        if not key.startswith("pairing")
    }
    plain = json.dumps(content, sort_keys=True, default=sorted)
    return re.sub(r"[0-9a-f]{16,32}", "random", plain)
