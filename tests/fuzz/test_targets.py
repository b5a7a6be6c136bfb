"""The targets of ``make fuzz``: their seeds are read, random bytes break none, and a fault is seen as one."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import __main__ as command
from tests.fuzz.targets import TARGETS, Target


@pytest.mark.parametrize("name", TARGETS)
def test_its_seeds_are_taken(name: str) -> None:
    seeds = list(TARGETS[name].seeds())
    assert seeds
    for seed in seeds:
        TARGETS[name].run(seed)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_random_bytes_break_nothing(name: str, data: bytes) -> None:
    TARGETS[name].run(data)


def test_a_fault_is_told_and_what_made_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TARGETS, "broken", Target(lambda data: None, lambda: [b"x"]))
    found = command.fuzz("broken", 1, tmp_path)  # the process of its own knows no such target
    assert "KeyError" in found.fault


def test_a_short_run_tries_inputs_and_finds_nothing(tmp_path: Path) -> None:
    found = command.fuzz("binary-frame", 1, tmp_path)
    assert (found.fault, found.inputs > 100, found.edges > 1) == ("", True, True)
