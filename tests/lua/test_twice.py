"""Every script run twice with the same arguments gives the same reply and has no second effect.

This is what allows a call to be repeated whenever its reply did not come. The scenarios go through the
typed calls; `TwiceStore` repeats each of them below, so a scenario also tries all it needs to get there.
"""

import pytest

from scheduling import scripts
from scheduling.keys import Keys
from scheduling.store.plain import PlainStore
from tests.lua import (  # noqa: F401  # they register theirs
    body_scenarios,
    canary_scenarios,
    instance_scenarios,
    job_scenarios,
    node_scenarios,
    quota_scenarios,
    room_scenarios,
    session_scenarios,
)
from tests.lua.twice import SCENARIOS, Scenario, TwiceStore
from tests.lua.world import World


@pytest.mark.parametrize("name", sorted(scripts.load_all()))
def test_every_script_has_a_scenario(name: str) -> None:
    assert name in {script for script, _ in SCENARIOS}


@pytest.mark.parametrize(("script", "body"), SCENARIOS, ids=lambda part: getattr(part, "__name__", part))
def test_twice_is_once(store: PlainStore, script: str, body: Scenario) -> None:
    twice = TwiceStore(store, Keys("0").prefix)
    body(World(twice))
    assert script in twice.ran
