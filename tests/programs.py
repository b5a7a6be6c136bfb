"""Programs of others that some tests need: where one is missing they are skipped, and in CI they fail."""

import os
import shutil

import pytest


def needs(program: str, package: str) -> pytest.MarkDecorator:
    """Mark tests that start a program; ``package`` is Debian's that has it."""
    missing = shutil.which(program) is None and not os.environ.get("CI")
    return pytest.mark.skipif(missing, reason=f"{program} is not installed (Debian's package {package})")
