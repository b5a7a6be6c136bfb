"""The processes of a Procfile, for real, on a Valkey of the test."""

import os
import re
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.valkey import Valkey
from tests.web.command.running import Running, wait_gone
from web.command.main import main
from web.command.ports import answers, free_port


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


def test_a_worker_that_hangs_is_not_waited_for(valkey: Valkey) -> None:
    """Found by make chaos: now and then Celery does not end when a message comes while it shuts down (its log
    says "Requeuing undeliverable message"). The command waited for it until the platform lost patience."""
    with run("worker", "--concurrency", "1", redis_url=valkey.url) as worker:
        pids = ready_pids(worker)
        os.kill(pids[0], signal.SIGSTOP)
        assert worker.finish(signal.SIGTERM) == 0
        assert any("it did not end in time" in line for line in worker.lines)
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


def test_a_web_process_may_open_as_many_files_as_it_has_sockets(valkey: Valkey) -> None:
    """The usual limit of 1024 files would refuse the 1000th speaker with a traceback in the accept loop."""
    environment = {"REDIS_URL": valkey.url, "MAX_CONNECTIONS": "2000"}
    with limited_files(256), Running("web.command", "web", f"--port={free_port()}", env=environment) as web:
        web.until("Booting worker")
        assert resource.prlimit(web.process.pid, resource.RLIMIT_NOFILE)[0] >= 2000
        assert web.finish(signal.SIGTERM) == 0


@contextmanager
def limited_files(soft: int) -> Iterator[None]:
    """Give the processes started meanwhile a low limit of open files, which they may raise."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
