"""Web processes that start in a moment: forked from one that has imported everything and done nothing yet.

Imports are a second of a processor, and the tests start hundreds of web processes. What runs is the real
thing: ``web.serve.main`` in a process and session of its own, with the environment, folder and log it was
given. It is forked before anything was made, as gunicorn forks its workers.
"""

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from gevent import monkey

_ROOT = Path(__file__).parent.parent


class Forked:
    """A process that was forked for us, with what is used of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = threading.Event()

    def poll(self) -> int | None:
        """Give the exit code; None while it runs."""
        return self.returncode

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for its end; gives the exit code, negative for a signal."""
        if not self._ended.wait(timeout_s):
            raise subprocess.TimeoutExpired("web.serve", timeout_s or 0.0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal unless it has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def note_end(self, code: int) -> None:
        """Learn that it has ended."""
        self.returncode = code
        self._ended.set()


class Forge:
    """The process that forks, and what it says of those it forked."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "tests.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            start_new_session=True,
        )
        self._asking = threading.Lock()
        self._news = threading.Condition()
        self._forked: dict[int, Forked] = {}
        self._newest: Forked | None = None
        threading.Thread(target=self._read, daemon=True).start()

    def start(self, env: Mapping[str, str], folder: Path, log: Path) -> Forked:
        """Fork a web process; it says everything to ``log``."""
        order = {"env": dict(env), "folder": str(folder), "log": str(log)}
        with self._asking, self._news:
            self._newest = None
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            self._news.wait_for(lambda: self._newest is not None or self._process.poll() is not None, 60)
            assert self._newest is not None, "web.serve cannot be imported"
            return self._newest

    def close(self) -> None:
        """End it; those it forked go on."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            with self._news:
                if "forked" in said:
                    self._newest = self._forked[said["forked"]] = Forked(said["forked"])
                    self._news.notify_all()
                else:
                    self._forked.pop(said["ended"]).note_end(said["code"])


@cache
def forge() -> Forge:
    """Give the one of this process; it ends with it."""
    made = Forge()
    atexit.register(made.close)
    return made


def _main() -> None:
    """Fork for each line of stdin; a child returns from here when it has served."""
    from web import serve

    # Not gevent's: they would make an event loop, which a child should not find.
    fork, wait, handle = (
        monkey.get_original(*name) for name in (("os", "fork"), ("os", "waitpid"), ("signal", "signal"))
    )

    def reap(*_: Any) -> None:
        with suppress(ChildProcessError):
            while (ended := wait(-1, os.WNOHANG))[0]:
                _say(ended=ended[0], code=os.waitstatus_to_exitcode(ended[1]))

    handle(signal.SIGCHLD, reap)
    gc.freeze()
    for line in sys.stdin:
        # The end of one that is short-lived is told after its beginning.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = fork()
        if pid:
            _say(forked=pid)
        else:
            handle(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        if not pid:
            _become(**json.loads(line))
            serve.main()
            return


def _say(**news: int) -> None:
    os.write(1, json.dumps(news).encode() + b"\n")


def _become(env: dict[str, str], folder: str, log: str) -> None:
    """Be what ``subprocess`` would have made: its session, folder, environment and files."""
    gc.unfreeze()
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ |= env
    for target, path, flags in ((0, os.devnull, os.O_RDONLY), (1, log, os.O_WRONLY | os.O_APPEND)):
        opened = os.open(path, flags)
        os.dup2(opened, target)
        os.close(opened)
    os.dup2(1, 2)


if __name__ == "__main__":
    _main()
