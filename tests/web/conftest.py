"""A running system that tests share as long as they break nothing, and languages that are theirs alone."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.stack import Stack

_numbers = count()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Give two web processes on one Valkey, where each test may make classes of its own and let much wait.

    Its logs must be clean when all tests are done.
    """
    with Stack(
        webs=2, relax_ms=200, max_classes=4096, admit_wait_ms=60_000, standing_wait_ms=60_000
    ) as running:
        yield running
        running.assert_clean_logs()


@pytest.fixture
def pair() -> tuple[str, str]:
    """Give a language pair that no other test speaks, so that its jobs meet this test's nodes only."""
    number = next(_numbers)
    return f"s{number}", f"t{number}"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Give a file that canaries can be made of."""
    from tests.web.api.test_uploads import wav  # not before pytest has rewritten its assertions

    file = tmp_path / "canary.wav"
    file.write_bytes(wav())
    return file
