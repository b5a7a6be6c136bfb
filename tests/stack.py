"""The real thing for a test: Valkey, web processes, and on wish Celery workers and beat, on free ports."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import redis

from scheduling.keys import Keys
from scheduling.settings import Settings
from tests.peers import FakeClient, FakeNode
from tests.valkey import Valkey, free_port
from tests.warm import MODULES, Forked, forge

ROOT = Path(__file__).parent.parent

#: Starting takes a second or two; two cores may be shared with many others.
PATIENCE_S = 30.0

#: Short periods, so that tests without workers need not wait for the web process to take over from them.
QUICK = {"require_gpu": False, "sweep_ms": 30, "wake_ms": 20, "fallback_ms": 30}

_BAD_LINE = re.compile(r"\b(ERROR|CRITICAL)\b|Traceback \(most recent call last\)")


def wait_until(condition: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> None:
    """Wait until a condition of another process holds, which nothing announces; fails naming `what`."""
    until_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until_s:
            raise AssertionError(f"not in {within_s:g} s: {what}")
        time.sleep(0.01)


class Process:
    """One process of the stack: its own group, so that its children end with it; its log in a file."""

    def __init__(self, name: str, command: list[str], env: dict[str, str], folder: Path) -> None:
        self.name = name
        self._log_path = folder / f"{name}.log"
        self._log: IO[bytes] = self._log_path.open("ab")
        self.process = self._started(command, env, folder)

    def _started(
        self, command: list[str], env: dict[str, str], folder: Path
    ) -> subprocess.Popen[bytes] | Forked:
        """Fork it with all of it imported if we can; another version of the code starts from nothing."""
        module, *words = command
        if module in MODULES and env.get("PYTHONPATH") == str(ROOT):
            return forge(module).start(*words, env=env, folder=folder, out=self._log_path)
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=folder,
            start_new_session=True,
        )

    @property
    def log(self) -> str:
        """Everything it has written."""
        return self._log_path.read_text(errors="replace")

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def wait_log(self, words: str) -> None:
        """Wait until it has written these words."""
        self._wait(lambda: words in self.log, f"{self.name} to write {words!r}")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        held = False

        def over() -> bool:
            nonlocal held
            held = condition()
            return held or not self.running

        try:
            wait_until(over, what)
            held = held or condition()  # it may have said so just before its end
        finally:
            if not held:
                print(f"--- {self.name}\n{self.log}")
        assert held, f"{self.name} ended with {self.process.poll()}"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, not to its children."""
        self.process.send_signal(number)

    def terminate(self) -> None:
        """Ask it to end, as a platform does."""
        self.signal(signal.SIGTERM)

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Wait for its end; gives the exit code."""
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        """End it and its children at once, as a crash of the machine would."""
        if self.running:
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._log.close()


class Web(Process):
    """A web process: ``python -m web.serve``."""

    def __init__(self, name: str, port: int, env: dict[str, str], folder: Path) -> None:
        self.port = port
        super().__init__(name, ["web.serve"], {**env, "PORT": str(port)}, folder)

    def url(self, path: str) -> str:
        """Give a WebSocket URL of this process."""
        return f"ws://127.0.0.1:{self.port}{path}"

    def get(self, path: str) -> tuple[int, Any]:
        """GET a path; gives status and JSON (text where it is none). Status 0: nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as reply:
                return reply.status, _body(reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _body(error.read())
        except OSError as error:
            return 0, str(error)

    def wait_ready(self) -> None:
        """Wait until it serves."""
        self._wait(lambda: self.get("/ready")[0] == 200, f"{self.name} to be ready")

    def stats(self) -> dict[str, Any]:
        """What ``/api/v1/process`` says."""
        status, stats = self.get("/api/v1/process")
        assert status == 200, stats
        return dict(stats)


class Stack:
    """Real processes of one system; leaving kills them all.

    ``Stack(webs=2, workers=True, pause_ms=300)``: settings by the names of `Settings`. Without workers the
    web processes do the background work themselves, which `QUICK` settings make fast.
    """

    def __init__(
        self, webs: int = 1, *, workers: bool = False, beat: bool = False, valkey: Valkey | None = None,
        **settings: Any,
    ) -> None:  # fmt: skip
        unknown = settings.keys() - Settings.model_fields.keys()
        assert not unknown, f"no such settings: {unknown}"
        quick = {"require_gpu": False} if workers else QUICK
        self.settings = quick | settings
        self.valkey = valkey or Valkey()
        self.webs: list[Web] = []
        self.processes: list[Process] = []
        self.folder = Path()
        self._wanted = (webs, workers, beat)
        self._owns_valkey = valkey is None

    def web(self, *, source: Path = ROOT, **settings: Any) -> Web:
        """Start one more web process, of the code in ``source``; its readiness is not waited for."""
        port = free_port()
        env = self._env(settings) | {"PYTHONPATH": str(source)}
        web = Web(f"web-{len(self.webs) + 1}", port, env, self.folder)
        self.webs.append(web)
        self.processes.append(web)
        return web

    def restart(self, web: Web) -> Web:
        """Start a web process on the port of one that has ended, and wait until it serves."""
        again = Web(f"{web.name}-again", web.port, self._env({}), self.folder)
        self.webs[self.webs.index(web)] = again
        self.processes.append(again)
        again.wait_ready()
        return again

    def worker(self, queue: str, *, source: Path = ROOT) -> Process:
        """Start a Celery worker for ``control`` or ``drain``; its readiness is not waited for."""
        name = f"{queue}-{len(self.processes)}"
        command = ["web.command", "worker", "--queue", queue, "--concurrency", "1"]
        return self.start(name, command, {"PYTHONPATH": str(source)})

    def beat(self, *, source: Path = ROOT) -> Process:
        """Start beat."""
        return self.start(f"beat-{len(self.processes)}", ["web.command", "beat"], {"PYTHONPATH": str(source)})

    @property
    def redis(self) -> redis.Redis:
        """A client of the ledger's server."""
        return redis.Redis.from_url(self.valkey.url, decode_responses=True)

    def record_of(self, node_id: str) -> dict[str, str]:
        """Give a node's record in the ledger; empty when there is none."""
        with redis.Redis.from_url(self.valkey.url, decode_responses=True) as client:
            key = Keys(str(self.settings.get("cell", "0"))).node(node_id)
            return dict(client.hgetall(key))

    def wait_kept(self, job_id: str) -> None:
        """Wait until the audio of a dead letter is kept."""
        index = Keys(str(self.settings.get("cell", "0"))).body_index
        with redis.Redis.from_url(self.valkey.url, decode_responses=True) as client:
            wait_until(
                lambda: any(
                    entry.startswith(f"a:{job_id} ") and entry.endswith(" kept")
                    for entry in client.zrange(index, 0, -1)
                ),
                "its audio to be kept",
            )

    def wait_dispatchable(self, node_id: str) -> None:
        """Wait until a node stands in its pool with nothing against it: from then on it is given work."""

        def stands() -> bool:
            record = self.record_of(node_id)
            return bool(record.get("pools")) and record["why"] == ""

        wait_until(stands, f"node {node_id} to be given work")

    def wait_waiting(self, number: int) -> None:
        """Wait until so many jobs wait for a slot."""
        with self.redis as client:
            cell = Keys(str(self.settings.get("cell", "0"))).cell
            wait_until(lambda: int(client.hget(cell, "waiting") or 0) == number, f"{number} jobs to wait")

    def node(self, *pairs: tuple[str, str], web: int = 0, **options: Any) -> FakeNode:
        """Connect a node to one of the web processes and wait until it is given work."""
        node = FakeNode(self.webs[web].url("/ws/node"), *pairs, **options)
        self.wait_dispatchable(node.node_id)
        return node

    def client(self, src: str = "en", tgt: str = "pt", web: int = 0, **options: Any) -> FakeClient:
        """Connect a client to one of the web processes; gives it with its session open."""
        return FakeClient(self.webs[web].url("/ws/session"), src, tgt, **options)

    def flower(self, port: int) -> Process:
        """Start Flower, whose API is for everybody on this machine."""
        environment = {"FLOWER_UNAUTHENTICATED_API": "1"}
        return self.start("flower", ["web.command", "flower", "--port", str(port)], environment)

    def assert_clean_logs(self, *allowed: str) -> None:
        """Fail when any process has logged an error, except lines that contain one of ``allowed``."""
        bad = [
            f"{process.name}: {line}"
            for process in self.processes
            for line in process.log.splitlines()
            if _BAD_LINE.search(line) and not any(words in line for words in allowed)
        ]
        assert not bad, "\n".join(
            [*bad, *(f"--- {process.name}\n{process.log}" for process in self.processes)]
        )

    def start(self, name: str, command: list[str], environment: Mapping[str, str] | None = None) -> Process:
        """Start ``python -m command`` with the settings of this system; it is killed with the others."""
        process = Process(name, command, {**self._env({}), **(environment or {})}, self.folder)
        self.processes.append(process)
        return process

    def _env(self, settings: dict[str, Any]) -> dict[str, str]:
        names = {name.upper() for name in Settings.model_fields}
        clean = {name: value for name, value in os.environ.items() if name not in names}
        ours = {"redis_url": self.valkey.url} | self.settings | settings
        stated = {name.upper(): str(value) for name, value in ours.items()}
        return clean | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | stated

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="stack-", ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name)
        try:
            self._bring_up()
        except BaseException:
            self._end()
            raise
        return self

    def _bring_up(self) -> None:
        if self._owns_valkey:
            self.valkey.start()
        webs, workers, beat = self._wanted
        started = [self.worker(queue) for queue in (("control", "drain") if workers else ())]
        if beat:
            self.beat().wait_log("beat: Starting")
        for _ in range(webs):
            self.web()
        for web in self.webs:
            web.wait_ready()
        for worker in started:
            worker.wait_log(" ready.")

    def _end(self) -> None:
        for process in self.processes:
            process.kill()
        if self._owns_valkey:
            self.valkey.close()
        self._folder.cleanup()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for process in self.processes:
                print(f"--- {process.name}\n{process.log}")
        self._end()


def _body(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")
