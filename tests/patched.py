"""Runs a function in a child interpreter patched by gevent, as our web processes are."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parent.parent


def run_patched(target: str, *args: Any, timeout_s: float = 60.0) -> Any:
    """Run ``module:function`` with arguments and give its result, both as JSON can carry them.

    An assertion or error in the child fails the calling test with the child's traceback. The child is
    patched before anything else is imported, and treats warnings as errors.
    """
    child = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.patched", target, json.dumps(args)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if child.returncode:
        raise AssertionError(f"{target} failed in the patched process:\n{child.stderr}")
    return json.loads(child.stdout.splitlines()[-1])


def main() -> None:
    """Run the function named by the command line."""
    target, args = sys.argv[1:]
    module, _, name = target.partition(":")
    function = getattr(import_module(module), name)
    print(json.dumps(function(*json.loads(args))))


if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()
    main()
