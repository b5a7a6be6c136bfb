"""The list of the original's failings in docs/architecture.md names every test that is named after one."""

import re
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parent
DOCUMENT = TESTS.parent / "docs" / "architecture.md"
_NAME = re.compile(r"^(?:async )?def (test_(\d{1,2})_\w+)", re.MULTILINE)


def found() -> dict[int, dict[str, str]]:
    """Give, by failing, each test and the file it is in."""
    names: dict[int, dict[str, str]] = defaultdict(dict)
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, number in _NAME.findall(path.read_text(encoding="utf-8")):
            names[int(number)][name] = path.relative_to(TESTS.parent).as_posix()
    return names


def table() -> str:
    """Write the list as it stands in the document."""
    rows = ["| # | test | in |", "|---|---|---|"]
    for number, names in sorted(found().items()):
        rows += [f"| {number} | `{name}` | `{path}` |" for name, path in names.items()]
    return "\n".join(rows) + "\n"


def test_the_document_names_every_test_of_a_failing() -> None:
    """Run ``python -m tests.test_failings`` to write the list anew."""
    assert table() in DOCUMENT.read_text(encoding="utf-8")


def test_every_failing_but_authentication_has_a_test() -> None:
    assert set(found()) == set(range(1, 19))


if __name__ == "__main__":
    head, _, rest = DOCUMENT.read_text(encoding="utf-8").partition("| # | test | in |")
    _, _, tail = rest.partition("\n\n")
    DOCUMENT.write_text(f"{head}{table()}\n{tail}", encoding="utf-8")
