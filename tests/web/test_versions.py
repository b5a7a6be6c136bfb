"""Two versions of the code on one cell: side by side where they may, and where they may not."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from scheduling.keys import SCHEMA
from tasks.names import CONTROL, DRAIN
from tests.peers import FakeClient
from tests.stack import Process, Stack, wait_until
from tests.valkey import free_port
from tests.version import newer_version, with_layout

_EACH = 8


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    return newer_version(tmp_path / "newer")


@pytest.fixture
def run() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_an_older_and_a_newer_version_share_everything(newer: Path, run: ExitStack) -> None:
    """Half of the utterances cross from one version to the other and back; both drain, both settle."""
    stack = run.enter_context(Stack(webs=1, fallback_ms=60_000))
    old, new = stack.webs[0], stack.web(source=newer)
    new.wait_ready()
    older = [stack.worker(queue) for queue in (CONTROL, DRAIN)]
    newest = [stack.worker(queue, source=newer) for queue in (CONTROL, DRAIN)]
    for worker in (*older, *newest):
        worker.wait_log(" ready.")
    stack.beat(source=newer)
    run.enter_context(stack.node(("en", "pt"), web=0, slots=4))
    run.enter_context(stack.node(("en", "de"), web=1, slots=4))
    clients = [run.enter_context(stack.client("en", tgt, web=web)) for web in (0, 1) for tgt in ("pt", "de")]
    _speak(clients, 1)
    wait_until(
        lambda: "task tasks.control.added is skipped" in older[0].log, "the older one has met the task"
    )
    for turn, worker in enumerate((older[1], newest[1]), 2):  # each drains what the other version ended
        worker.signal(signal.SIGSTOP)
        _speak(clients, turn)
        worker.signal(signal.SIGCONT)
    assert old.get("/api/v1/cluster")[1]["online_instances"] == 2
    assert new.get("/api/v1/cluster")[1]["online_instances"] == 2
    assert old.log.count("kind 'greeting' are skipped") == 1
    assert older[0].log.count("tasks.control.added") == 1
    stack.assert_clean_logs()


def _speak(clients: list[FakeClient], turn: int) -> None:
    """All say something, for the nth time; each hears the results of its own, all and in order."""
    until = _EACH * turn
    for client in clients:
        for index in range(until - _EACH, until):
            client.utterance(index)
    for client in clients:
        assert client.texts(until) == [f"en {index}" for index in range(until)]


def test_a_version_with_another_layout_refuses_to_start(tmp_path: Path, run: ExitStack) -> None:
    """Each kind of process says in one sentence what to do, and ends; no traceback, no loop."""
    stack = run.enter_context(Stack(webs=1))
    other = with_layout(tmp_path / "other", "99")
    code = {"PYTHONPATH": str(other)}
    web_command = ["web.command", "web", "--port", str(free_port())]
    started: list[Process] = [
        stack.web(source=other), stack.worker(CONTROL, source=other), stack.beat(source=other),
        stack.start("workers", ["web.command", "worker"], code), stack.start("by name", web_command, code),
    ]  # fmt: skip
    for process in started:
        assert process.wait() not in (0, None)
        assert f"layout {SCHEMA}, this one has layout 99: they cannot run side by side" in process.log
        assert "CELL of its own" in process.log
        assert "Traceback" not in process.log
    assert stack.webs[0].get("/ready")[0] == 200


def test_processes_of_a_former_layout_end_when_the_cell_is_another_version_s(run: ExitStack) -> None:
    """Nothing looked but the start: they wrote on, in their own layout, among the keys of the new one."""
    stack = run.enter_context(Stack(webs=1))
    worker = stack.worker(DRAIN)
    worker.wait_log(" ready.")
    with stack.node(("en", "pt")), stack.client() as client:
        client.say()
        client.result()
        with stack.redis as ledger:
            ledger.hset("sd:{0}:cell", "schema", "99")
        for process in (stack.webs[0], worker):
            assert process.wait() not in (0, None)
            assert f"layout 99, this one has layout {SCHEMA}: they cannot run side by side" in process.log
            assert "Traceback" not in process.log
        client.wait_closed()
