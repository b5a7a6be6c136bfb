"""What a measurement starts is gone when it is over, whatever that started itself."""

import os
import subprocess
import sys
from pathlib import Path

from bench.processes import running
from tests.stack import wait_until

_PARENT = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True); input()"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_children_that_stay_behind_are_ended(tmp_path: Path) -> None:
    """A worker of a peer hung when it was to end, its parent was killed, and it ran on after the tests."""
    words = [sys.executable, "-c", _PARENT]
    with running(words, dict(os.environ), tmp_path / "log", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert _runs(child)
    wait_until(lambda: not _runs(child), "the child to be gone")
