"""Members of the stack with all they start, and a run of a few seconds: real processes, really killed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bench.chaos.members import Member, _family
from bench.chaos.schedule import Fault, save
from tests.bench.test_chaos_verdict import KEYS
from web.command.guardian import Guardian

#: A process that starts another one in a session of its own, as workers do, and says its id.
_PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def member(tmp_path: Path) -> Iterator[Member]:
    """A process with a child."""
    log = tmp_path / "log"
    guardian = Guardian(0.1)
    command = [sys.executable, "-c", _PARENT]
    made = Member("parent", command, os.environ, log, guardian, lambda: b"\n" in log.read_bytes())
    made.start()
    made.wait_ready()
    yield made
    made.kill()
    guardian.close()


def _state(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return "gone"


def _child(member: Member) -> int:
    (child,) = [pid for pid in _family(member.pid) if pid != member.pid]
    return child


def test_a_kill_takes_what_the_process_has_started(member: Member) -> None:
    parent, child = member.pid, _child(member)
    member.kill()
    assert _state(parent) == "gone"
    while _state(child) not in ("gone", "Z"):
        pass
    assert member.exited is None, "it was us"


def test_a_stopped_process_stands_still_with_its_children_until_it_goes_on(member: Member) -> None:
    family = [member.pid, _child(member)]
    member.stop()
    while {_state(pid) for pid in family} != {"T"}:
        pass
    member.go_on()
    while "T" in {_state(pid) for pid in family}:
        pass


def test_a_crash_takes_a_part_and_leaves_the_rest(member: Member) -> None:
    child = _child(member)
    member.crash()
    while _state(child) not in ("gone", "Z"):
        pass
    assert member.exited is None and _state(member.pid) != "gone"


def test_a_process_that_ends_by_itself_is_noticed_once(member: Member) -> None:
    os.kill(member.pid, 9)
    while member.exited is None:
        pass
    assert member.note_exit() == -9
    assert member.note_exit() is None
    member.start()
    member.wait_ready()


@pytest.mark.timeout(240)
def test_a_run_in_which_a_web_process_valkey_and_a_node_are_killed_loses_nothing(tmp_path: Path) -> None:
    schedule = tmp_path / "schedule.jsonl"
    killed = [("nodes", "node-1"), ("way", "web-0"), ("way", "valkey")]
    save([Fault(3.0, lane, "kill", victim, 0.5) for lane, victim in killed], schedule)
    command = [sys.executable, "-m", "bench.chaos", "--replay", str(schedule), "--seconds", "8"]
    run = subprocess.run([*command, "--sessions", "8"], capture_output=True, text=True, timeout=220)
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads(run.stdout.splitlines()[-1])
    assert list(report)[: len(KEYS)] == KEYS
    assert report["kills"] == 3 and report["results"] > 0
    assert [report[name] for name in KEYS[6:11]] == [0, 0, 0, 0, 0]
