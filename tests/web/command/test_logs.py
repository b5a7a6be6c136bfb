"""Which log lines tell of an error."""

from pathlib import Path

import pytest

from web.command.logs import faults


@pytest.mark.parametrize(
    "line",
    [
        "[2026-11-24 10:00:00,000: ERROR/MainProcess] consumer: Cannot connect",
        "[2026-11-24 10:00:00 +0000] [12] [ERROR] Exception in worker process",
        "CRITICAL:root:out of everything",
        "Traceback (most recent call last):",
        "[E 261124 10:00:00 web:1877] 500 GET /",
        "=== VALKEY BUG REPORT START: Cut & paste starting from here ===",
    ],
)
def test_an_error_is_found_with_its_place(tmp_path: Path, line: str) -> None:
    (tmp_path / "web.log").write_text(f"all is well\n{line}\n")
    (fault,) = faults(tmp_path)
    assert str(fault) == f"{tmp_path / 'web.log'}:2: {line}"


@pytest.mark.parametrize(
    "line",
    [
        "[2026-11-24 10:00:00,000: INFO/MainProcess] control@host ready.",
        "WARNING Memory overcommit must be enabled!",
        "no errors so far",
        "[I 261124 10:00:00 command:168] Visit me at http://127.0.0.1:5555",
    ],
)
def test_what_is_no_error_is_not(tmp_path: Path, line: str) -> None:
    (tmp_path / "web.log").write_text(line + "\n")
    assert list(faults(tmp_path)) == []
