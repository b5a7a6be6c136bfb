"""What is broken when: the same for the same seed, kept and read again, and never against the rules."""

from itertools import pairwise
from pathlib import Path

import pytest

from bench.chaos.schedule import CALM_S, MOST_NODES, Fault, draw, load, rolling, save

_SECONDS = 300.0


def _ends_s(fault: Fault) -> float:
    return fault.at_s + fault.for_s


def test_the_same_seed_gives_the_same_schedule_and_another_one_another(tmp_path: Path) -> None:
    faults = draw(7, _SECONDS)
    assert draw(7, _SECONDS) == faults
    assert draw(8, _SECONDS) != faults
    save(faults, tmp_path / "schedule.jsonl")
    assert load(tmp_path / "schedule.jsonl") == faults


@pytest.mark.parametrize("seed", range(20))
def test_no_schedule_breaks_the_rules(seed: int) -> None:
    faults = draw(seed, _SECONDS)
    assert faults == sorted(faults, key=lambda fault: fault.at_s)
    for lane in ("way", "workers", "beat"):
        of_lane = [fault for fault in faults if fault.lane == lane]
        for one, following in pairwise(of_lane):
            assert _ends_s(one) < following.at_s, f"{one} and {following} at once"
    nodes = [fault for fault in faults if fault.lane == "nodes"]
    for fault in nodes:
        out = [each.victim for each in nodes if each.at_s <= fault.at_s < _ends_s(each) or each is fault]
        assert len(out) <= MOST_NODES and len(set(out)) == len(out)
    assert all(fault.at_s <= _SECONDS - CALM_S for fault in faults)


def test_a_long_run_hits_every_kind_of_process_and_link() -> None:
    faults = draw(5, 1500.0)
    assert sum(fault.action in ("kill", "stop") for fault in faults) >= 200
    hit = {(fault.action, fault.victim) for fault in faults}
    for victim in ("web-0", "web-1", "worker-0", "worker-1", "beat", "valkey", "node-0", "node-9"):
        assert {("kill", victim), ("stop", victim)} <= hit
    for link in ("client>web-0", "node>web-1"):
        assert {(action, link) for action in ("cut", "reset", "stall", "delay")} <= hit
    assert {victim for action, victim in hit if action == "drain"} >= {"node-0", "node-9"}


def test_rolling_restarts_end_one_web_process_after_the_other() -> None:
    faults = rolling(2, 20.0)
    assert {fault.action for fault in faults} == {"restart"}
    assert [fault.victim for fault in faults if fault.lane == "way"] == ["web-0", "web-1"] * 2
    assert {fault.victim for fault in faults} == {"web-0", "web-1", "worker-0", "worker-1", "beat"}
