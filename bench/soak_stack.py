"""The processes of the soak: a ledger, workers, beat, two web processes, a node at each."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from bench.processes import running, valkey, wait_for
from bench.usage import rss_bytes
from scheduling.store.plain import PlainStore
from web.command.ports import free_port

_SLOTS = 16
_SERVICE_MS = 150
#: Kept times are short, so that what is kept no longer grows when the measurement of growth begins.
_TIMES = {"RETENTION_MS": "15000", "RESUME_MS": "15000", "UTTERANCE_MS": "20000"}
_STOP_S = 40.0


class SoakStack:
    """All of it; leaving ends it. `steady` stays, `restarted` is ended and started again now and then."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._url = stack.enter_context(valkey(folder / "valkey"))
        self._store = stack.enter_context(PlainStore(self._url))
        self.ports = [free_port(), free_port()]
        self._workers = [
            self._start(["web.command", "worker", "--queue", queue, "--concurrency", "1"], queue)
            for queue in ("control", "drain")
        ]
        self._start(["web.command", "beat"], "beat")
        self._steady = self._web(self.ports[0])
        self._restarted = self._web(self.ports[1])
        for port in self.ports:
            wait_for(f"http://127.0.0.1:{port}/ready")
            self._node(port)
        self._wait_nodes()

    @property
    def sockets(self) -> list[str]:
        """Where clients connect."""
        return [f"ws://127.0.0.1:{port}/ws/session" for port in self.ports]

    def restart(self) -> None:
        """End one web process in order, and start it anew when it is gone; blocks."""
        self._restarted.terminate()
        self._restarted.wait(_STOP_S)
        self._restarted = self._web(self.ports[1])
        wait_for(f"http://127.0.0.1:{self.ports[1]}/ready")

    def memory(self) -> dict[str, int]:
        """Resident memory of what is not restarted, bytes."""
        lines = self._store.command("INFO", "memory").decode().splitlines()
        facts = dict(line.split(":", 1) for line in lines if ":" in line)
        return {
            "valkey": int(facts["used_memory_rss"]),
            "worker": sum(rss_bytes(worker.pid) for worker in self._workers),
            "web": rss_bytes(self._steady.pid),
        }

    def _web(self, port: int) -> "subprocess.Popen[bytes]":
        return self._start(["web.serve"], f"web-{port}", PORT=str(port))

    def _node(self, port: int) -> None:
        words = [
            "web.command", "node", "--pipeline", "echo", "--pairs", "en-pt", "--quiet",
            "--slots", str(_SLOTS), "--service-ms", str(_SERVICE_MS), "--url", f"ws://127.0.0.1:{port}/ws/node",
        ]  # fmt: skip
        self._start(words, f"node-{port}")

    def _start(self, words: list[str], name: str, **settings: str) -> "subprocess.Popen[bytes]":
        env = {**os.environ, "REDIS_URL": self._url, "HOST": "127.0.0.1", "REQUIRE_GPU": "0", **_TIMES}
        env |= {"RESOURCE_THRESHOLD": "100", **settings}  # nodes share this machine's processor
        command = [sys.executable, "-m", *words]
        return self._stack.enter_context(running(command, env, self._folder / f"{name}.log"))

    def _wait_nodes(self) -> None:
        until_s = time.monotonic() + 60
        while time.monotonic() < until_s:
            if self._store.command("ZCARD", "sd:{0}:nodes") == len(self.ports):
                return
            time.sleep(0.1)
        raise SystemExit("the nodes did not register within 60 s")
