"""The supervisor over real processes: what it promises about starts, restarts, signals and leftovers."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.web.command.running import Running, wait_gone


def run_stack(name: str, folder: Path) -> Running:
    return Running("tests.web.command.stacks", name, str(folder))


def order_of(lines: list[str], *texts: str) -> list[int]:
    return [next(i for i, line in enumerate(lines) if text in line) for text in texts]


def test_it_starts_by_rank_and_says_when_each_is_ready(tmp_path: Path) -> None:
    with run_stack("three", tmp_path) as stack:
        stack.until("| up")
        places = order_of(stack.lines, "last is ready", "middle is ready", "first  | pid", "first is ready")
        assert max(places[:2]) < places[2] < places[3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything_in_order_and_leaves_no_process(
    tmp_path: Path, number: signal.Signals
) -> None:
    with run_stack("three", tmp_path) as stack:
        stack.until("| up")
        pids = [stack.pid_of(name) for name in ("first", "middle", "last")]
        assert stack.finish(number) == 0
        ended = [line.split()[0] for line in stack.lines if line.endswith("| pid ended")]
        assert ended == ["first", "middle", "last"]
        assert wait_gone(pids) == []


def test_what_does_not_hear_is_killed_and_so_is_what_a_process_left_behind(tmp_path: Path) -> None:
    with run_stack("deaf", tmp_path) as stack:
        grandchild = int(stack.until_all("grandchild", "| up")[0].split()[-1])
        pids = [stack.pid_of("deaf"), grandchild]
        assert stack.finish(signal.SIGTERM) == 0
        assert any("deaf killed" in line for line in stack.lines)
        assert wait_gone(pids) == []


def test_a_second_signal_kills_what_would_take_its_time(tmp_path: Path) -> None:
    with run_stack("patient", tmp_path) as stack:
        stack.until("| up")
        patient = stack.pid_of("patient")
        stack.process.send_signal(signal.SIGTERM)
        stack.until("stopping")
        assert stack.finish(signal.SIGTERM) == 0
        assert wait_gone([patient]) == []


def test_a_supervisor_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    """SIGKILL cannot be handled; the children would run on, and keep their ports from the next start."""
    with run_stack("three", tmp_path) as stack:
        stack.until("| up")
        pids = [stack.pid_of(name) for name in ("first", "middle", "last")]
        stack.process.kill()
        assert wait_gone(pids) == []


def test_a_killed_supervisor_s_grandchildren_go_too(tmp_path: Path) -> None:
    with run_stack("deaf", tmp_path) as stack:
        grandchild = int(stack.until_all("grandchild", "| up")[0].split()[-1])
        pids = [stack.pid_of("deaf"), stack.pid_of("parent"), grandchild]
        stack.process.kill()
        assert wait_gone(pids) == []


def test_a_process_that_dies_is_started_again(tmp_path: Path) -> None:
    with run_stack("three", tmp_path) as stack:
        stack.until("| up")
        first = stack.pid_of("first")
        os.kill(first, signal.SIGKILL)
        said = stack.until("first ended unasked")
        assert "SIGKILL" in said
        assert "again in 0.5 s" in said
        stack.until("first is ready again")
        assert stack.pid_of("first") != first
        assert stack.finish(signal.SIGTERM) == 0


def test_a_process_not_to_be_restarted_ends_the_stack_with_its_code(tmp_path: Path) -> None:
    with run_stack("fragile", tmp_path) as stack:
        assert stack.finish() == 7
        assert re.fullmatch(r"fragile ended .* \(exit code 7\)\.", stack.lines[-1])
        assert wait_gone([stack.pid_of("other")]) == []


def test_what_dies_before_it_was_ever_ready_is_not_tried_again(tmp_path: Path) -> None:
    with run_stack("stillborn", tmp_path) as stack:
        assert stack.finish() == 1
        assert stack.lines[-1] == "stillborn ended before it was ready (exit code 1)."
        assert wait_gone([stack.pid_of("other")]) == []


def test_a_wrong_invocation_is_not_tried_again(tmp_path: Path) -> None:
    with run_stack("wrong", tmp_path) as stack:
        assert stack.finish() == 2
        assert not any("again" in line for line in stack.lines)


def test_a_program_that_cannot_be_started_is_named_and_the_rest_stopped(tmp_path: Path) -> None:
    with run_stack("missing", tmp_path) as stack:
        assert stack.finish() == 1
        assert stack.lines[-1].startswith("Cannot start missing: ")
        assert wait_gone([stack.pid_of("other")]) == []


def test_a_process_that_never_gets_ready_is_named(tmp_path: Path) -> None:
    with run_stack("hanging", tmp_path) as stack:
        assert stack.finish() == 1
        assert stack.lines[-1] == "Not ready after 2 s: hanging."


def test_a_reader_that_goes_away_ends_the_stack(tmp_path: Path) -> None:
    """`speech-dispatch up | head` must not leave a stack that nobody sees."""
    with run_stack("three", tmp_path) as stack:
        stack.until("| up")
        pids = [stack.pid_of(name) for name in ("first", "middle", "last")]
        assert stack.process.stdout is not None
        stack.process.stdout.close()
        os.kill(pids[0], signal.SIGKILL)  # gives the supervisor something to say
        stack.process.wait()
        assert wait_gone(pids) == []
