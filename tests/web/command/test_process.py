"""One supervised process: its output, its readiness, its end."""

import errno
import io
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from web.command.console import Console
from web.command.errors import StackFailed
from web.command.guardian import Guardian
from web.command.process import Child, ProcessSpec, cannot_start, describe_exit, shell_exit_code


@pytest.fixture
def guardian() -> Iterator[Guardian]:
    keeper = Guardian(grace_s=0.1)
    yield keeper
    keeper.close()


def run(code: str, out: io.StringIO, guardian: Guardian, **options: object) -> Child:
    """Run Python code to its end."""
    spec = ProcessSpec(name="p", command=(sys.executable, "-ISc", code), **options)  # type: ignore[arg-type]
    child = Child(spec, Console(out, speaker="up", names=("p",)), guardian)
    while child.exit_code is None:
        time.sleep(0.01)
    child.clean_up()
    return child


def test_both_streams_are_carried_and_bad_bytes_do_not_stop_them(guardian: Guardian) -> None:
    out = io.StringIO()
    code = "import sys; sys.stdout.buffer.write(b'a\\xff\\n'); sys.stdout.flush(); sys.stderr.write('no end')"
    run(code, out, guardian)
    assert out.getvalue() == "p  | a\ufffd\np  | no end\n"


def test_a_line_without_end_is_shown_in_pieces(guardian: Guardian) -> None:
    """A child that prints megabytes without a line end must not be gathered in our memory."""
    out = io.StringIO()
    run("print('x' * 200_000)", out, guardian)
    lines = out.getvalue().splitlines()
    assert [len(line) for line in lines] == [65536 + 5] * 3 + [200_000 - 3 * 65536 + 5]


def test_it_is_ready_when_it_has_said_so_and_its_probe_agrees(guardian: Guardian) -> None:
    answers = iter([False, True])
    line = re.compile(r"ready\.$")
    child = run(
        "print('ready.')", io.StringIO(), guardian, ready_line=line, ready_probe=lambda: next(answers)
    )
    assert [child.is_ready(), child.is_ready()] == [False, True]
    assert not run("print('ready?')", io.StringIO(), guardian, ready_line=line).is_ready()


def test_it_gets_our_environment_its_own_and_no_input(
    guardian: Guardian, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "1")
    out = io.StringIO()
    code = "import os, sys; print(os.environ['OURS'], os.environ['ITS'], repr(sys.stdin.read()))"
    run(code, out, guardian, env={"ITS": "2"})
    assert out.getvalue() == "p  | 1 2 ''\n"


def test_it_does_not_inherit_what_it_was_not_given(guardian: Guardian, tmp_path: Path) -> None:
    kept, other = (os.open(tmp_path, os.O_RDONLY) for _ in range(2))
    out = io.StringIO()
    code = f"import os; print(os.path.isdir('/dev/fd/{kept}'), os.path.isdir('/dev/fd/{other}'))"
    run(code, out, guardian, inherits=(kept,))
    os.close(kept)
    os.close(other)
    assert out.getvalue() == "p  | True False\n"


def test_a_program_that_is_not_there_is_a_sentence(guardian: Guardian) -> None:
    spec = ProcessSpec(name="p", command=("/no/such/program",))
    with pytest.raises(StackFailed, match=r"Cannot start p: .*No such file"):
        Child(spec, Console(io.StringIO(), speaker="up"), guardian)


@pytest.mark.parametrize(
    ("number", "hint"),
    [("EMFILE", "ulimit -n"), ("EAGAIN", "ulimit -u"), ("ENOMEM", "memory"), ("EACCES", "denied")],
)
def test_a_limit_of_the_system_is_named(number: str, hint: str) -> None:
    code = getattr(errno, number)
    assert hint in str(cannot_start("web", OSError(code, os.strerror(code))))


def test_ends_are_described_as_people_know_them() -> None:
    assert describe_exit(3) == "exit code 3"
    assert describe_exit(-signal.SIGKILL) == "SIGKILL"
    assert describe_exit(-250) == "signal 250"
    assert (shell_exit_code(3), shell_exit_code(-9)) == (3, 137)
