"""Processes that start in a moment: forked from one that has imported everything and done nothing yet.

Imports are a second of a processor, and the tests start thousands of processes. What runs is the real thing:
the module's own ``main`` in a process and session of its own, with the words, environment, folder and files
it was given. It is forked before anything was made, as gunicorn forks its workers. How a process starts from
nothing is left to the tests that look at that: of services, of the whole system, of what documents tell to
type.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[2]

#: What is run as ``python -m``, and the module whose ``main`` does the same once it is imported.
MODULES = {
    "web.serve": "tests.warm.web",
    "web.command": "tests.warm.command",
    "tests.patched": "tests.warm.patched",
    "tests.fuzz.one": "tests.fuzz.one",
}
_START_S = 60.0


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
            raise subprocess.TimeoutExpired(str(self.pid), timeout_s or 0.0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal unless it has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill_all(self) -> None:
        """End it and what it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()

    def note_end(self, code: int) -> None:
        """Learn that it has ended."""
        self.returncode = code
        self._ended.set()


class Forge:
    """The process that forks, and what it says of those it forked."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115  (as long as it lives)
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "tests.warm", MODULES[module]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            cwd=_ROOT,
            start_new_session=True,
        )
        self._asking = threading.Lock()
        self._news = threading.Condition()
        self._forked: dict[int, Forked] = {}
        self._newest: Forked | None = None
        threading.Thread(target=self._read, daemon=True).start()

    def start(
        self, *words: str, env: Mapping[str, str], folder: Path, out: Path, errors: Path | None = None,
        typed: Path = Path(os.devnull),
    ) -> Forked:  # fmt: skip
        """Fork a process; it reads ``typed``, and appends to ``out`` what it says, errors to ``errors``."""
        order = {"words": words, "env": dict(env), "folder": str(folder)}
        order["files"] = [str(typed), str(out), str(errors or out)]
        with self._asking, self._news:
            self._newest = None
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            self._news.wait_for(lambda: self._newest or self._process.poll() is not None, _START_S)
            if self._newest is None:
                self._complaints.seek(0)
                raise AssertionError(f"{self._module} cannot be imported:\n{self._complaints.read()}")
            return self._newest

    def close(self) -> None:
        """End it; those it forked go on."""
        self._process.kill()
        self._process.wait()
        self._complaints.close()

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
def forge(module: str) -> Forge:
    """Give the one of this process that forks a module; it ends with it."""
    made = Forge(module)
    atexit.register(made.close)
    return made


def run(
    module: str, *words: str, env: Mapping[str, str], folder: Path = _ROOT, typed: str = "",
    timeout_s: float = 100.0,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run what ``python -m module words`` would to its end, and give what it said as `subprocess.run` does.

    Raises `subprocess.TimeoutExpired` when it has not ended in time; it is killed then.
    """
    with tempfile.TemporaryDirectory(prefix="run-") as kept:
        files = {name: Path(kept, name) for name in ("typed", "out", "errors")}
        files["typed"].write_text(typed)
        process = forge(module).start(*words, env=env, folder=folder, **files)
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill_all()
            raise
        said, complaints = (files[name].read_text(errors="replace") for name in ("out", "errors"))
        return subprocess.CompletedProcess([module, *words], code, said, complaints)
