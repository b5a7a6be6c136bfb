"""A real gunicorn process with a gevent worker, for tests that look at a server from outside."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

REPOSITORY = Path(__file__).parents[2]

#: How gunicorn, Flask and Python begin a line about something that went wrong.
_SIGNS_OF_TROUBLE = ("Traceback", "[ERROR]", "[WARNING]", "[CRITICAL]", "Exception", " ERROR in ")


@dataclass(frozen=True)
class SocketServer:
    """Where it listens, and what it says."""

    port: int
    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        """The JSON that an HTTP path of the app answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as response:
            return json.load(response)

    def log(self) -> str:
        return self.log_path.read_text()

    def troubles(self) -> list[str]:
        """Log lines that tell of a failure."""
        return [line for line in self.log().splitlines() if any(sign in line for sign in _SIGNS_OF_TROUBLE)]


def until(condition: Callable[[], bool]) -> None:
    """Wait for another process to come to something; the test's own time limit ends it."""
    while not condition():
        time.sleep(0.01)


def open_client(server: SocketServer, path: str, origin: str | None = None) -> ClientConnection:
    """Connect an independent client, with no limit and no compression; browsers state an origin."""
    stated = Origin(origin) if origin else None
    return connect(
        server.url + path, max_size=None, compression=None, proxy=None, origin=stated, open_timeout=30
    )


@contextmanager
def socket_server(
    app: str = "tests.web.socket_app:app", *args: str, env: Mapping[str, str] | None = None
) -> Iterator[SocketServer]:
    """Start one worker with `app` on a free port; ends it. `args` are gunicorn's, `env` is added to ours.

    The socket listens before the process starts, so no client can come too early.
    """
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        listener.listen(512)
        log_path = Path(folder, "log")
        command = [
            sys.executable, "-m", "gunicorn", app, "--bind", f"fd://{listener.fileno()}", "--workers", "1",
            "--worker-class", "gevent", "--worker-connections", "2000", "--graceful-timeout", "1",
            "--no-control-socket", *args,
        ]  # fmt: skip
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
                pass_fds=[listener.fileno()],
                env=os.environ | (env or {}),
            )
        try:
            yield SocketServer(listener.getsockname()[1], process, log_path)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
