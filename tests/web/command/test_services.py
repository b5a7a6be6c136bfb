"""The processes of a Procfile, for real, on a Valkey of the test."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.valkey import Valkey, free_port
from tests.web.command.running import Running, wait_gone
from web.command.main import main
from web.command.ports import answers


def run(command: str, *arguments: str, redis_url: str) -> Running:
    return Running("web.command", command, *arguments, env={"REDIS_URL": redis_url})


def pids_of(group: int) -> list[int]:
    """Give the processes of a process group."""
    found = subprocess.run(["pgrep", "-g", str(group)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def ready_pids(worker: Running) -> list[int]:
    """Wait until both queues are worked on; give the pids of the workers, with which their names end."""
    names = [worker.until(" ready.") for _ in range(2)]
    found = [re.search(r"(control|drain)@\S+-(\d+) ready\.", name) for name in names]
    assert {match[1] for match in found if match} == {"control", "drain"}
    return [int(match[2]) for match in found if match]


def test_a_worker_is_one_process_a_queue_and_sigterm_ends_both(valkey: Valkey) -> None:
    with run("worker", "--concurrency", "1", redis_url=valkey.url) as worker:
        pids = ready_pids(worker)
        everybody = [pid for group in pids for pid in pids_of(group)]
        assert len(everybody) >= 4
        assert worker.finish(signal.SIGTERM) == 0
        assert sum("Warm shutdown" in line for line in worker.lines) == 2
        assert wait_gone(everybody) == []


def test_the_first_queue_s_worker_to_die_ends_the_other(valkey: Valkey) -> None:
    """Half a worker looks alive to a platform, which then never starts it again."""
    with run("worker", "--concurrency", "1", redis_url=valkey.url) as worker:
        pids = ready_pids(worker)
        os.kill(pids[0], signal.SIGKILL)
        assert worker.finish() == 137
        assert wait_gone(pids) == []


def test_beat_leaves_no_file_behind(valkey: Valkey, tmp_path: Path) -> None:
    """Celery's own default is a `celerybeat-schedule` wherever it happens to be started."""
    with Running("web.command", "beat", env={"REDIS_URL": valkey.url}, cwd=tmp_path) as beat:
        beat.until("beat: Starting")
        assert beat.finish(signal.SIGTERM) == 0
    assert list(tmp_path.iterdir()) == []


def test_flower_answers_on_this_machine_only(valkey: Valkey) -> None:
    port = free_port()
    with run("flower", "--port", str(port), redis_url=valkey.url) as flower:
        flower.until("Connected to")
        assert answers("127.0.0.1", port, "/healthcheck")
        assert flower.finish(signal.SIGTERM) == 0


def test_an_unknown_queue_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["worker", "--queue", "fast"])
    assert "control" in capsys.readouterr().err
