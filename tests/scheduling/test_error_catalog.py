"""The catalogue of errors knows every code, and the document is what the code says."""

import re
from pathlib import Path

from scheduling.error_catalog import ERRORS, errors_table
from scheduling.messages import ErrorCode
from scheduling.messages.codes import RoomErrorCode

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "errors.md"
KNOWN = [entry.code for entry in ERRORS]

#: Where a code stands in the source as a word: of an API error, of a failed job, of a cancelled one.
_WRITTEN = re.compile(
    r"""ApiError\(\s*\d+,\s*"([A-Z_]+)"|retry\(job, '([A-Z_]+)'|finish\(job, '\w+', '([A-Z_]+)'"""
    r"""|^(?:CANCELLED|UNAUTHORIZED|FORBIDDEN) = "([A-Z_]+)"|\d{3}: "([A-Z_]+)\"""",
    re.MULTILINE,
)


def test_every_code_of_the_protocol_is_in_the_catalogue_once() -> None:
    assert len(KNOWN) == len(set(KNOWN))
    assert set(KNOWN) >= {*map(str, ErrorCode), *map(str, RoomErrorCode)}


def test_every_code_that_is_written_in_the_source_is_in_the_catalogue() -> None:
    files = [
        *(ROOT / "web").rglob("*.py"),
        *(ROOT / "scheduling").rglob("*.py"),
        *(ROOT / "lua").rglob("*.lua"),
    ]
    found = {
        next(filter(None, match.groups())) for path in files for match in _WRITTEN.finditer(path.read_text())
    }
    assert found >= {"JOB_CANCELLED", "CONFLICT", "NOT_FOUND", "UNAUTHORIZED", "NODE_UNAVAILABLE"}
    assert found <= set(KNOWN)


def test_every_entry_says_what_to_do() -> None:
    for entry in ERRORS:
        assert entry.says.endswith("."), entry.code
        assert re.match(r"no$|yes|after ", entry.retry), entry.code


def test_the_document_has_every_code_as_the_table_has_it() -> None:
    """Run ``python -m tests.scheduling.test_error_catalog`` to write it anew."""
    assert errors_table() in DOCUMENT.read_text(encoding="utf-8")


if __name__ == "__main__":
    head = DOCUMENT.read_text(encoding="utf-8").partition("| code |")[0]
    DOCUMENT.write_text(head + errors_table(), encoding="utf-8")
