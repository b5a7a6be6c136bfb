"""What another instance is told of an attempt that it has to send."""

import pytest

from scheduling.bodies import Bodies
from tests.lua.world import World

_AUDIO = "c291bmQ="


def _placed_elsewhere(world: World, audio: str) -> dict[str, str]:
    """Reserve on a node whose socket another instance holds; give what that is told last."""
    world.ready("n1", instance="web2")
    world.open()
    world.reserve("j1", body=Bodies(world.store, world.settings).along("audio-j1", audio))
    return world.inbox("web2")[-1]


def test_it_has_all_that_it_takes_to_send_it(world: World) -> None:
    told, record = _placed_elsewhere(world, _AUDIO), world.job("j1")
    assert told == {
        "kind": "dispatch",
        "job": "j1",
        "attempt": "1",
        "node": "n1",
        "spec": record["spec"],
        "semantic": record["semantic"],
        "tried": record["tried"],
        "created_ms": record["created_ms"],
        "audio": record["audio"],
        "data": _AUDIO,
    }
    assert record["state"] == "assigned"  # until that instance says that it is sent


@pytest.mark.parametrize(("size", "carried"), [(32_768, True), (32_772, False)])
def test_a_large_audio_is_not_kept_twice(world: World, size: int, carried: bool) -> None:
    assert ("data" in _placed_elsewhere(world, "A" * size)) == carried


@pytest.mark.parametrize(("behind", "carried"), [(498, True), (499, False)])
def test_an_instance_that_is_behind_is_not_given_more_than_it_needs(
    world: World, behind: int, carried: bool
) -> None:
    world.ready("n1", instance="web2")  # that it is ready is an entry as well
    for _ in range(behind + 1 - len(world.inbox("web2"))):
        world.store.command("XADD", world.keys.inbox("web2"), "*", "kind", "poem")
    world.open()
    world.reserve("j1", body=Bodies(world.store, world.settings).along("audio-j1", _AUDIO))
    told = world.inbox("web2")[-1]
    assert (told["kind"], "data" in told) == ("dispatch", carried)
