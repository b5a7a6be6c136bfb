"""A command under test as a real process: its lines as they come, its signals, and what it leaves behind."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

#: The repository.
ROOT = Path(__file__).parents[3]


class Running:
    """One run of `python -m MODULE ARGUMENTS`, in the repository unless told otherwise; killed when left."""

    def __init__(
        self, module: str, *arguments: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT
    ) -> None:
        self.lines: list[str] = []
        clean = {
            name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATA_DIR", "PORT")
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=clean | {"PYTHONPATH": str(ROOT)} | dict(env or {}),
            text=True,
        )

    def until(self, text: str) -> str:
        """Read on until a line has `text`; give that line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if text in line:
                return self.lines[-1]
        raise AssertionError(f"{text!r} was never said:\n" + "\n".join(self.lines))

    def until_all(self, *texts: str) -> list[str]:
        """Read on until each text was said, in whichever order: processes start at their own pace."""
        found = {text: line for line in self.lines for text in texts if text in line}
        while missing := [text for text in texts if text not in found]:
            line = self.until("")
            found |= {text: line for text in missing if text in line}
        return [found[text] for text in texts]

    def pid_of(self, name: str) -> int:
        """Give the pid that the process `name` printed last."""
        said = [m for m in (re.match(rf"{name} *\| \S+ (\d+)$", line) for line in self.lines) if m]
        return int(said[-1][1])

    def finish(self, number: signal.Signals | None = None) -> int:
        """Send a signal, if one is given, read to the end and give the exit code."""
        if number is not None:
            self.process.send_signal(number)
        assert self.process.stdout is not None
        self.lines += [line.rstrip() for line in self.process.stdout]
        return self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pids_with(variable: str, value: str) -> list[int]:
    """Give all living processes that have this in the environment they were started with."""
    wanted = f"{variable}={value}".encode()
    return [
        int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if wanted in _environ(path)
    ]


def _environ(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\0")
    except OSError:
        return []


def wait_gone(pids: Sequence[int], within_s: float = 20.0) -> list[int]:
    """Wait until none of the processes runs; give those that still do after `within_s`."""
    until_s = time.monotonic() + within_s
    while (left := [pid for pid in pids if is_alive(pid)]) and time.monotonic() < until_s:
        time.sleep(0.02)
    return left
