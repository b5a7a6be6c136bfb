"""Runs a function in a child interpreter patched by gevent, as our web processes are."""

import json
import os
import sys
from importlib import import_module
from typing import Any

from tests.warm import run


def run_patched(target: str, *args: Any, timeout_s: float = 60.0) -> Any:
    """Run ``module:function`` with arguments and give its result, both as JSON can carry them.

    An assertion or error in the child fails the calling test with the child's traceback. The child is
    patched before anything else is imported, and treats warnings as errors.
    """
    child = run("tests.patched", target, json.dumps(args), env=os.environ, timeout_s=timeout_s)
    if child.returncode:
        raise AssertionError(f"{target} failed in the patched process:\n{child.stderr}")
    return json.loads(child.stdout.splitlines()[-1])


def main() -> None:
    """Run the function named by the command line."""
    target, args = sys.argv[1:]
    module, _, name = target.partition(":")
    function = getattr(import_module(module), name)
    print(json.dumps(function(*json.loads(args))))
