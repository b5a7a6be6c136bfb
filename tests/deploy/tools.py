"""Programs of Debian's package `prometheus`: without them tests are skipped, and fail in CI."""

import os
import shutil

import pytest


def require(program: str) -> None:
    """Skip the test where a program is missing, or fail it in CI."""
    if shutil.which(program) is None:
        words = f"no {program} on this machine (Debian: apt-get install prometheus)"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
