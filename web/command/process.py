"""One supervised process: what is to run, and the run of it."""

import errno
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread

from web.command.console import Console
from web.command.errors import StackFailed
from web.command.guardian import Guardian, signal_group

#: A line longer than this many bytes is shown in pieces, so that a child cannot fill our memory.
_LONGEST_LINE = 64 * 1024
#: After its process has ended nothing writes to the pipe; a grandchild that left the group might hold it.
_PUMP_END_S = 2.0

_LIMITS = {
    errno.EMFILE: "the limit of open files is reached (see `ulimit -n`)",
    errno.ENFILE: "the system's limit of open files is reached",
    errno.EAGAIN: "the limit of processes is reached (see `ulimit -u`)",
    errno.ENOMEM: "there is not enough memory",
}


@dataclass(frozen=True, slots=True)
class Stop:
    """When a process is asked to stop, and how long it may take."""

    rank: int = 0
    """Asked when all of the rank before have ended."""
    within_s: float = 5.0
    """From SIGTERM to its end; then it is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """What to run and how to treat it."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to our own environment."""
    start_rank: int = 0
    """A rank is started when all of the rank before are ready."""
    stop: Stop = Stop()
    ready_line: re.Pattern[str] | None = None
    """It is ready once it has printed a line in which this is found."""
    ready_probe: Callable[[], bool] | None = None
    """It is ready once this says so; asked often, so it must answer within a second or so."""
    restarts: bool = True
    """Whether to start it again when it dies; otherwise its death ends the stack."""
    ends: bool = False
    """Whether it is meant to end by itself, as a command does that has done its work."""
    inherits: tuple[int, ...] = ()
    """File descriptors it keeps open."""


class Child:
    """A process of a spec, with the thread that carries its output to the console."""

    def __init__(self, spec: ProcessSpec, console: Console, guardian: Guardian) -> None:
        self.spec = spec
        self._console = console
        self._guardian = guardian
        self._seen_ready_line = False
        self._process = self._spawn()
        guardian.watch(self._process.pid)
        self._pump = Thread(target=self._carry_output, name=f"output of {spec.name}", daemon=True)
        self._pump.start()

    @property
    def pid(self) -> int:
        """Its process id, which is the id of its process group too."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.poll()

    def is_ready(self) -> bool:
        """Look whether it does its work by now."""
        if self.spec.ready_line is not None and not self._seen_ready_line:
            return False
        return self.spec.ready_probe is None or self.spec.ready_probe()

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the process alone: it knows how to stop its own children."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to its whole group."""
        signal_group(self.pid, signal.SIGKILL)

    def clean_up(self) -> None:
        """After its end: kill what it left in its group, and show the last it said."""
        self.kill()
        self._process.wait()
        self._guardian.forget(self.pid)
        self._pump.join(_PUMP_END_S)

    def _spawn(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self.spec.command,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.spec.env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=self.spec.inherits,
                # A group of its own: Ctrl-C reaches the supervisor only, which stops everything in order.
                start_new_session=True,
            )
        except OSError as error:
            raise cannot_start(self.spec.name, error) from error

    def _carry_output(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for raw in iter(lambda: output.readline(_LONGEST_LINE), b""):
                self._take_line(raw.decode(errors="replace").rstrip("\r\n"))

    def _take_line(self, line: str) -> None:
        if self.spec.ready_line is not None and self.spec.ready_line.search(line):
            self._seen_ready_line = True
        self._console.line(self.spec.name, line)


def cannot_start(name: str, error: OSError) -> StackFailed:
    """Say why the system would not start a process."""
    why = _LIMITS.get(error.errno or 0, str(error))
    return StackFailed(f"Cannot start {name}: {why}.")


def describe_exit(code: int) -> str:
    """Say in words how a process ended: `exit code 1`, `SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def shell_exit_code(code: int) -> int:
    """Give the exit code a shell would report: 128 and the signal's number for a process killed by one."""
    return code if code >= 0 else 128 - code
