"""A process of the stack that is killed, stopped and started again, with everything it has started itself."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from web.command.guardian import Guardian

#: Long, as what is measured is who speaks, not how fast this machine starts a process.
_START_S = 120.0
_LOOK_S = 0.05
_LAST_WORDS_S = 0.3


class DidNotStart(Exception):
    """A process was not ready in time; the text names it and its log."""


class Member:
    """One kind of process as a platform sees it: a command that is to be running."""

    def __init__(
        self,
        name: str,
        command: list[str],
        env: Mapping[str, str],
        log: Path,
        guardian: Guardian,
        is_ready: Callable[[], bool],
        inherits: tuple[int, ...] = (),
    ) -> None:
        self.name = name
        self.unexpected = 0
        """Times it ended although nobody had asked it to."""
        self.log_from = 0
        """Where in its log the output of its last start begins, bytes."""
        self._command = command
        self._env = dict(env)
        self._log = log
        self._guardian = guardian
        self._is_ready = is_ready
        self._inherits = inherits
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id. Raises `AssertionError`: it was never started."""
        assert self._process is not None
        return self._process.pid

    @property
    def exited(self) -> int | None:
        """Its exit code if it ended by itself, None while it runs or was ended by us."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it; it is not ready yet."""
        with self._log.open("ab") as output:
            self.log_from = output.tell()
            self._process = subprocess.Popen(
                self._command,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=self._inherits,
                start_new_session=True,
            )
        self._guardian.watch(self._process.pid)

    def wait_ready(self) -> None:
        """Wait until it does its work. Raises `DidNotStart`."""
        until_s = time.monotonic() + _START_S
        while not self._is_ready():
            if time.monotonic() > until_s:
                raise DidNotStart(f"{self.name} was not ready within {_START_S:g} s; see {self._log}")
            time.sleep(_LOOK_S)

    def is_ready(self) -> bool:
        """Whether it runs and does its work."""
        return self._process is not None and self._process.poll() is None and self._is_ready()

    def kill(self) -> None:
        """End it and all it has started with SIGKILL, as a platform that takes the machine away."""
        if self._process is None:
            return
        family = _family(self.pid)
        _signal(family, signal.SIGSTOP)  # so that none of them starts another meanwhile
        _signal({*family, *_family(self.pid)}, signal.SIGKILL)
        self._gone()

    def crash(self) -> None:
        """Kill the last of its descendants alone, as a system without memory does: the others go on."""
        _signal(_family(self.pid)[-1:], signal.SIGKILL)

    def stop(self) -> None:
        """Let it stand still, with all it has started."""
        _signal(_family(self.pid), signal.SIGSTOP)

    def go_on(self) -> None:
        """End `stop`."""
        _signal(_family(self.pid), signal.SIGCONT)

    def terminate(self, within_s: float) -> float:
        """Ask it to end, and kill it when it does not in time; gives how long it took, s."""
        process, began_s = self._process, time.monotonic()
        if process is None:
            return 0.0
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            for pid in reversed(_family(self.pid)):  # each writes to the log where it stands, by its parent
                _signal([pid], signal.SIGABRT)
                time.sleep(_LAST_WORDS_S)
            self.kill()
        else:
            self._gone()
        return time.monotonic() - began_s

    def note_exit(self) -> int | None:
        """Note that it has ended by itself, if so, and give its exit code."""
        code = self.exited
        if code is not None:
            self.unexpected += 1
            self._gone()
        return code

    def _gone(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._guardian.forget(self._process.pid)
            self._process = None


def _family(pid: int) -> list[int]:
    """Give a process and all its descendants, the eldest first."""
    family = [pid]
    for each in family:
        with suppress(OSError):
            for thread in Path(f"/proc/{each}/task").iterdir():
                family += map(int, (thread / "children").read_text().split())
    return family


def _signal(pids: "list[int] | set[int]", number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
