"""Continuous integration runs every test there is."""

from tests.stack import ROOT


def test_every_folder_of_tests_is_in_a_stage() -> None:
    stages = (ROOT / ".ci" / "run").read_text(encoding="utf-8").split()
    tests = {path.parent.relative_to(ROOT).parts[:2] for path in (ROOT / "tests").rglob("test_*.py")}
    folders = {"/".join(parts) for parts in tests} - {"tests"}
    assert folders - set(stages) == set()
    assert "tests/test_*.py" in stages
