"""One process of each kind, as real ones, and nodes that answer after a fixed time."""

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from bench.processes import running, valkey, wait_for
from scheduling.keys import Keys
from scheduling.store.plain import PlainStore
from web.command.ports import free_port


class Stack:
    """Valkey, workers, a web process and nodes; leaving the `ExitStack` ends them."""

    def __init__(self, stack: ExitStack, folder: Path, nodes: int, slots: int, service_ms: float) -> None:
        url = stack.enter_context(valkey(folder / "valkey"))
        self.store = stack.enter_context(PlainStore(url))
        self.port = free_port()
        env = {**os.environ, "REDIS_URL": url, "HOST": "127.0.0.1", "REQUIRE_GPU": "0"}
        env |= {"RESOURCE_THRESHOLD": "100", "PORT": str(self.port)}  # nodes share this machine's processor
        commands = {
            **{
                queue: f"web.command worker --queue {queue} --concurrency 1" for queue in ("control", "drain")
            },
            "web": "web.serve",
        }
        for number in range(nodes):
            commands[f"node-{number}"] = (
                f"web.command node --pipeline echo --pairs en-pt --quiet --slots {slots} "
                f"--service-ms {service_ms} --url ws://127.0.0.1:{self.port}/ws/node"
            )
        for name, words in commands.items():
            command = [sys.executable, "-m", *words.split()]
            stack.enter_context(running(command, env, folder / f"{name}.log"))
        wait_for(f"http://127.0.0.1:{self.port}/ready")
        self._wait_slots(nodes * slots)

    def _wait_slots(self, slots: int) -> None:
        until_s = time.monotonic() + 60
        wanted = str(slots).encode()
        while wanted not in self.store.command("HVALS", f"{Keys('0').prefix}pace"):
            if time.monotonic() > until_s:
                raise SystemExit("the nodes were not ready within 60 s")
            time.sleep(0.1)
