"""Continuous integration runs every test there is, in a time that was agreed."""

import re

from tests.stack import ROOT


def test_every_folder_of_tests_is_in_a_stage() -> None:
    stages = (ROOT / ".ci" / "run").read_text(encoding="utf-8").split()
    tests = {path.parent.relative_to(ROOT).parts[:2] for path in (ROOT / "tests").rglob("test_*.py")}
    folders = {"/".join(parts) for parts in tests} - {"tests"}
    assert folders - set(stages) == set()
    assert "tests/test_*.py" in stages


def test_all_stages_together_have_twenty_minutes() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    budgets = {
        name: int(seconds) for name, seconds in re.findall(r"^stage (\S+) (\d+) ", script, re.MULTILINE)
    }
    assert {"chaos", "bench-report", "programs", "tidy"} <= budgets.keys()
    assert sum(budgets.values()) <= 1200
