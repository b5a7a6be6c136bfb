"""`speech-dispatch up`, whole: real web processes, workers, beat, Flower, Valkey and an echoing node."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.command.running import Running, pids_with, wait_gone
from web.command.ports import LOOPBACK, answers, free_port, free_ports


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Running]:
    """Run a stack with two web processes until it is up."""
    port = free_ports(2)
    arguments = ("up", "--web", "2", "--echo", "--port", str(port), "--flower-port", str(free_port()))
    with Running("web.command", *arguments, env={"DATA_DIR": str(tmp_path)}) as stack:
        stack.until("Everything is up")
        for web in (port, port + 1):
            assert answers(LOOPBACK, web, "/ready")
        yield stack


def test_it_survives_a_killed_worker_and_leaves_nothing_behind_when_stopped(
    up: Running, tmp_path: Path
) -> None:
    ready = next(line for line in up.lines if "control@" in line)
    os.kill(int(ready.rpartition("-")[2].split()[0]), signal.SIGKILL)
    up.until("worker-control ended unasked (SIGKILL)")
    up.until("worker-control is ready again")
    everybody = pids_with("DATA_DIR", str(tmp_path))
    assert len(everybody) > 10
    assert up.finish(signal.SIGINT) == 0
    assert up.lines[-1].endswith("everything has stopped")
    assert not [line for line in up.lines if " killed" in line or "ERROR" in line]
    assert wait_gone(pids_with("DATA_DIR", str(tmp_path))) == []


def test_it_leaves_nothing_behind_when_killed(up: Running, tmp_path: Path) -> None:
    up.process.kill()
    assert wait_gone(pids_with("DATA_DIR", str(tmp_path)), within_s=30.0) == []
