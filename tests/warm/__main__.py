"""The process that forks: ``python -m tests.warm MODULE`` imports it, and forks for each line it reads."""

import gc
import json
import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

# gevent's own, which a module may put in their place, would make an event loop that a child should not find.
_fork, _wait, _handle = os.fork, os.waitpid, signal.signal


def main() -> None:
    """Fork for each line; a child leaves with the exit code of the module's ``main``."""
    name = sys.argv[1]
    module = import_module(name)
    _handle(signal.SIGCHLD, _reap)
    gc.freeze()
    for line in sys.stdin:
        if not _fork():
            _handle(signal.SIGCHLD, signal.SIG_DFL)
            _become(name, **json.loads(line))
            sys.exit(module.main())


def _reap(*_: Any) -> None:
    with suppress(ChildProcessError):
        while (ended := _wait(-1, os.WNOHANG))[0]:
            _say(ended=ended[0], code=os.waitstatus_to_exitcode(ended[1]))


def _say(**news: int) -> None:
    os.write(1, json.dumps(news).encode() + b"\n")


def _become(name: str, words: list[str], env: dict[str, str], folder: str, files: list[str]) -> None:
    """Be what ``subprocess`` would have made: its session, folder, words, environment and files.

    What was imported stays frozen: to look through all of it at the end takes longer than most of them live.
    """
    os.setsid()
    _say(forked=os.getpid())  # not by who forked: whoever hears of it may kill its session
    os.chdir(folder)
    sys.argv = [name, *words]
    sys.path[0] = folder
    os.environ.clear()
    os.environ |= env
    append = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    for target, (path, flags) in enumerate(zip(files, (os.O_RDONLY, append, append), strict=True)):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, target)
        os.close(opened)
    sys.stdin = os.fdopen(0, closefd=False)


if __name__ == "__main__":
    main()
