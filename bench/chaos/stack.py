"""The whole stack as real processes; each web process has a proxy for clients and one for nodes before it."""

import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.chaos.members import Member
from bench.chaos.proxy import Proxy
from bench.chaos.schedule import NODES
from scheduling.store.plain import PlainStore
from web.command.embedded import EmbeddedValkey
from web.command.guardian import Guardian
from web.command.ports import LOOPBACK, answers, free_ports
from web.command.process import Stop
from web.command.services import this_command

WEBS = WORKERS = 2
SLOTS = 3
BEAT_S = 2.0
_SERVICE_MS = 600
ATTEMPT_MS = 8000
#: Nodes beat every 2 s here, so that a silent one is given up after 6 s; an attempt ends after 8 s without
#: progress. Peers that are silent are found by pings after 10 s.
_TIMES = {"SILENCE_MS": "6000", "ATTEMPT_MS": str(ATTEMPT_MS), "PING_S": "5"}
_GRACE_S = 3.0


class ChaosStack:
    """All of it; leaving the ``stack`` kills what runs."""

    def __init__(self, stack: ExitStack, folder: Path, appendfsync: str, seed: int) -> None:
        self.folder = folder
        self._guardian = Guardian(_GRACE_S)
        stack.callback(self._guardian.close)
        self._valkey = EmbeddedValkey(folder / "valkey", appendfsync)
        stack.callback(self._valkey.close)
        self.store = stack.enter_context(PlainStore(self._valkey.url))
        first = free_ports(WEBS)
        self.web_ports = list(range(first, first + WEBS))
        self.proxies = {
            f"{kind}>web-{number}": Proxy(port, seed + number)
            for number, port in enumerate(self.web_ports)
            for kind in ("client", "node")
        }
        self.members: dict[str, Member] = {}
        stack.callback(self.kill_all)

    async def start_proxies(self) -> None:
        """Open the way; before `start`."""
        for proxy in self.proxies.values():
            await proxy.start()

    async def close_proxies(self) -> None:
        """Cut all that is open."""
        for proxy in self.proxies.values():
            await proxy.close()

    @property
    def session_urls(self) -> list[str]:
        """Where clients connect."""
        return [self._url("client", number, "session") for number in range(WEBS)]

    def start(self) -> None:
        """Start everything and wait until it works; blocks. Raises `DidNotStart`."""
        self._add_all()
        self.members["valkey"].start()
        self.members["valkey"].wait_ready()
        for name, member in self.members.items():
            if name != "valkey":
                member.start()
        for member in self.members.values():
            member.wait_ready()

    def kill_all(self) -> None:
        """End everything at once."""
        for name, member in reversed(self.members.items()):
            if name != "valkey":
                member.kill()
        if "valkey" in self.members:
            self.members["valkey"].kill()

    def _add_all(self) -> None:
        valkey = self._valkey.spec(Stop())
        self._add("valkey", list(valkey.command), self._valkey.answers, inherits=tuple(valkey.inherits))
        for number, port in enumerate(self.web_ports):
            self._add(
                f"web-{number}",
                [*this_command("web", "--host", LOOPBACK, "--port", str(port))],
                partial(answers, LOOPBACK, port, "/ready"),
            )
        for number in range(WORKERS):
            self._add_logging(
                f"worker-{number}", this_command("worker", "--concurrency", "1"), r"@\S+ ready\.", 2
            )
        self._add_logging("beat", this_command("beat"), r"beat: Starting", 1)
        for number in range(NODES):
            self._add_logging(f"node-{number}", self._node(number), r"sees this node as ready", 1)

    def _node(self, number: int) -> tuple[str, ...]:
        near = number % WEBS
        urls = [self._url("node", (near + turn) % WEBS, "node") for turn in range(WEBS)]
        return this_command(
            "node", "--pipeline", "echo", "--pairs", "en-pt", "--node-id", f"node-{number}",
            "--slots", str(SLOTS), "--service-ms", str(_SERVICE_MS), "--service-dist", "lognormal",
            "--seed", str(number), "--heartbeat-s", str(BEAT_S), "--url", ",".join(urls),
        )  # fmt: skip

    def _url(self, kind: str, number: int, path: str) -> str:
        return f"ws://{LOOPBACK}:{self.proxies[f'{kind}>web-{number}'].port}/ws/{path}"

    def _add_logging(self, name: str, command: tuple[str, ...], ready: str, times: int) -> None:
        """Add a process that is ready when its log says so, so many times since its last start."""
        log = self.log(name)

        def is_ready() -> bool:
            said = log.read_bytes()[self.members[name].log_from :] if log.exists() else b""
            return len(re.findall(ready.encode(), said)) >= times

        self._add(name, list(command), is_ready)

    def _add(
        self, name: str, command: list[str], is_ready: Callable[[], bool], inherits: tuple[int, ...] = ()
    ) -> None:
        env = {**os.environ, "REDIS_URL": self._valkey.url, "REQUIRE_GPU": "0", "RESOURCE_THRESHOLD": "100"}
        env |= {**_TIMES, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
        self.members[name] = Member(name, command, env, self.log(name), self._guardian, is_ready, inherits)

    def log(self, name: str) -> Path:
        """Give where a process writes."""
        return self.folder / f"{name}.log"
