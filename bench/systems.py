"""The systems under load, each with all its processes and a Valkey of its own, as production is set up."""

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any
from urllib.request import urlopen

from bench.laden import records
from bench.processes import running, valkey_process, wait_for
from bench.usage import cpu_s, rss_bytes
from scheduling.scripts import load_all
from scheduling.store.plain import PlainStore
from web.command.ports import free_port

#: Scripts that took longer than this are listed by Valkey, µs.
_SLOW_US = 200
_SLOW_KEPT = 5000
_START_S = 90.0


class System:
    """Processes by the part they play; `ports` are those of its web processes."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        folder.mkdir()
        stack.callback(shutil.rmtree, folder)  # append-only files of 20 KB of audio each grow by the gigabyte
        self._stack = stack
        self._folder = folder
        self._is_ending = False
        self.url, server = stack.enter_context(valkey_process(folder / "valkey"))
        self._parts: dict[str, list[Popen[bytes]]] = {"valkey": [server]}
        self.store = stack.enter_context(PlainStore(self.url, timeout_s=30))
        self.store.command("CONFIG", "SET", "slowlog-log-slower-than", _SLOW_US)
        self.store.command("CONFIG", "SET", "slowlog-max-len", _SLOW_KEPT)
        self.ports: list[int] = []

    def start(self, part: str, words: Sequence[str], **environment: str) -> None:
        """Start ``python -m words`` as one of a part's processes."""
        self.run(part, [sys.executable, "-m", *words], None, **environment)

    def run(
        self, part: str, words: Sequence[str], stdout: int | None = None, **environment: str
    ) -> "Popen[bytes]":
        """Start a command as one of a part's processes; its output goes to the log unless said otherwise."""
        env = {**os.environ, "REDIS_URL": self.url, **environment}
        log = self._folder / f"{part}.log"
        process = self._stack.enter_context(running(list(words), env, log, stdout=stdout))
        self._stack.callback(self._ask_to_end)
        self._parts.setdefault(part, []).append(process)
        return process

    def _ask_to_end(self) -> None:
        """Ask all at once, so that they end together; each is waited for in its turn."""
        for part, made in self._parts.items():
            for process in made if part != "valkey" and not self._is_ending else ():
                process.terminate()
        self._is_ending = True

    def log(self, part: str) -> str:
        """Give what a part's processes have logged."""
        return (self._folder / f"{part}.log").read_text(errors="replace")

    def wait_log(self, part: str, words: str, times: int = 1) -> None:
        """Wait until a part's processes have logged these words so often."""
        until_s = time.monotonic() + _START_S
        while self.log(part).count(words) < times:
            if time.monotonic() > until_s:
                raise SystemExit(f"{part} did not start:\n{self.log(part)[-2000:]}")
            time.sleep(0.05)

    def describe(self) -> dict[str, Any]:
        """Give the server's version and how it keeps what it is given."""
        names = ("appendonly", "appendfsync", "save", "maxmemory-policy")
        said = {name: self.store.command("CONFIG", "GET", name)[1].decode() for name in names}
        info = self.store.command("INFO", "server").decode().splitlines()
        return {"valkey": next(line for line in info if "valkey_version" in line).partition(":")[2], **said}

    def pids(self, part: str) -> list[int]:
        """Give the processes of a part, without those they started."""
        return [process.pid for process in self._parts[part]]

    def cpu_s(self) -> dict[str, float]:
        """Processor time of each part so far, s."""
        return {part: sum(cpu_s(each.pid) for each in made) for part, made in self._parts.items()}

    def rss_bytes(self, part: str) -> int:
        """Resident memory of a part."""
        return sum(rss_bytes(process.pid) for process in self._parts[part])

    def commands(self) -> dict[str, int]:
        """Give how often the server has run each command so far; those that scripts call count as well."""
        lines = self.store.command("INFO", "commandstats").decode().splitlines()
        named = (line.removeprefix("cmdstat_").partition(":calls=") for line in lines if ":calls=" in line)
        return {name: int(rest.partition(",")[0]) for name, _, rest in named}

    def slowest_scripts_ms(self) -> dict[str, float]:
        """Give the longest run of each script that was ever slow, ms."""
        names = {script.sha1: name for name, script in load_all().items()}
        longest: dict[str, float] = {}
        for entry in self.store.command("SLOWLOG", "GET", _SLOW_KEPT):
            words = entry[3]
            if words[0].upper() == b"EVALSHA":
                name = names.get(words[1].decode(), "another")
                longest[name] = max(longest.get(name, 0.0), int(entry[2]) / 1000)
        return longest


class Ours(System):
    """Our own: web processes, and workers with their two queues."""

    def __init__(
        self, stack: ExitStack, folder: Path, webs: int = 1, workers: int = 1, **settings: str
    ) -> None:
        super().__init__(stack, folder)
        common = {"HOST": "127.0.0.1", "REQUIRE_GPU": "0", "LOG_LEVEL": "WARNING", **settings}
        for _ in range(workers):
            for queue in ("control", "drain"):
                words = ["web.command", "worker", "--queue", queue, "--concurrency", "1"]
                self.start(f"worker-{queue}", words, **common)
        for _ in range(webs):
            self.ports.append(free_port())
            self.start("web", ["web.serve"], PORT=str(self.ports[-1]), **common)
        for port in self.ports:
            wait_for(f"http://127.0.0.1:{port}/ready")
        for queue in ("control", "drain"):
            self.wait_log(f"worker-{queue}", " ready.", workers)

    def process(self) -> dict[str, Any]:
        """Give what the first web process says of itself, with the classes of its times."""
        with urlopen(f"http://127.0.0.1:{self.ports[0]}/api/v1/process?classes=1") as reply:
            return dict(json.load(reply))


class Bare(System):
    """The path without promises (`bench.bare`)."""

    package = "bench.bare"

    def __init__(self, stack: ExitStack, folder: Path, **environment: str) -> None:
        super().__init__(stack, folder)
        words = ["celery", "-A", f"{self.package}.worker", "worker", "-l", "INFO", "-c", "1"]
        self.start("worker", words, **environment)
        self.ports.append(free_port())
        address = f"127.0.0.1:{self.ports[0]}"
        words = ["gunicorn", "-k", "gevent", "-w", "1", "-b", address, f"{self.package}.web:app"]
        self.start("web", words, **environment)
        wait_for(f"http://{address}/ready")
        self.wait_log("worker", " ready.")


class Laden(Bare):
    """The same with the load that promises bring (`bench.laden`).

    ``scripts`` are the recorded lines of its steps; without them it runs our scripts, which decide.
    """

    package = "bench.laden"

    def __init__(self, stack: ExitStack, folder: Path, scripts: list[list[str]] | None) -> None:
        environment = {}
        if scripts:
            known = folder.parent / f"{folder.name}.json"
            records.write(known, scripts)
            environment = {records.PLACE: str(known)}
        super().__init__(stack, folder, **environment)


class Relay(System):
    """The control: what our own generators can do at most."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        super().__init__(stack, folder)
        process = self.run("web", [sys.executable, "-m", "bench.load.relay"], stdout=PIPE)
        assert process.stdout is not None
        self.ports.append(int(process.stdout.readline()))
