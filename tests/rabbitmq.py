"""A RabbitMQ of one's own, where one is installed: it can be stopped, killed and started again.

``python -m tests.rabbitmq`` installs Debian's where it may, or says what to install.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.stack import wait_until
from tests.valkey import free_port

#: Erlang takes its time, on a busy machine a good deal of it.
_START_S = 90.0
_PLACES = ("/usr/lib/rabbitmq/lib", "/opt/homebrew/opt/rabbitmq", "/usr/local/opt/rabbitmq", "/opt/rabbitmq")


def find_server() -> str | None:
    """Give the path of its start script; None where there is none.

    The script of Debian in the path would start the machine's own server, as its own user.
    """
    found = [path for place in _PLACES for path in Path(place).glob("**/sbin/rabbitmq-server")]
    return str(found[0]) if found and shutil.which("epmd") else None


def _states(group: int) -> Iterator[str]:
    """Give the state of each thread of a process group by its letter, where the system tells."""
    for stat in Path("/proc").glob("[0-9]*/task/[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            state, _, its_group, *_ = stat.read_text(errors="replace").rpartition(") ")[2].split()
            if int(its_group) == group:
                yield state


class RabbitMQ:
    """One node on ports and in a folder of its own; it keeps its port and its queues over restarts."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self.folder = Path(tempfile.mkdtemp(prefix="rabbitmq-"))
        self._names_port = str(free_port())
        self._names: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def group(self) -> int:
        """Its process group."""
        assert self._process is not None, "the node is not running"
        return self._process.pid

    def start(self) -> None:
        """Start the node and wait until it takes connections."""
        env = self._env()
        if self._names is None:
            command = ["epmd", "-address", "127.0.0.1", "-port", self._names_port]
            self._names = subprocess.Popen(
                command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(find_server())], env=env, stdout=log, stderr=log, start_new_session=True
            )
        until_s = time.monotonic() + _START_S
        while not self._answers():
            if time.monotonic() > until_s or self._process.poll() is not None:
                raise RuntimeError(f"RabbitMQ did not start:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.05)

    def pause(self) -> None:
        """Freeze the node: connections stay open, nothing is answered.

        A signal is sent before it is heard: on a busy machine one of its threads answered once more.
        """
        self._signal(signal.SIGSTOP)
        wait_until(lambda: set(_states(self.group)) <= {"T", "Z"}, "RabbitMQ to stand still")

    def resume(self) -> None:
        """End `pause`."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the node at once, as a crash would."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Kill and remove the folder."""
        self.kill()
        if self._names is not None:
            self._names.kill()
            self._names.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        os.killpg(self.group, number)

    def _answers(self) -> bool:
        """Whether it greets: of a client that speaks another protocol it says which it speaks."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as sock:
                sock.sendall(b"AMQP\x00\x00\x00\x00")
                return sock.recv(8).startswith(b"AMQP")
        except OSError:
            return False

    def _env(self) -> dict[str, str]:
        folder = str(self.folder)
        return os.environ | {
            "HOME": folder,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": self._names_port,
            "RABBITMQ_NODENAME": f"node-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/logs",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_PLUGINS_EXPAND_DIR": f"{folder}/plugins",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
        }

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def install() -> None:
    """See that there is one, without the service that Debian would start with it."""
    if find_server():
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit("RabbitMQ is not installed: apt-get install rabbitmq-server, or brew install rabbitmq")
    policy = Path("/usr/sbin/policy-rc.d")
    is_ours = not policy.exists()
    if is_ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "rabbitmq-server"]
        subprocess.run(command, check=True, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
    finally:
        if is_ours:
            policy.unlink()


if __name__ == "__main__":
    install()
