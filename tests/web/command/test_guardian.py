"""The guardian: whom it ends, and whom it leaves alone."""

import signal
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from tests.web.command.running import is_alive, wait_gone
from web.command.guardian import Guardian, living_groups, signal_group

_STAY = "import signal; signal.pause()"


def start() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-ISc", _STAY], start_new_session=True)


def test_it_ends_the_groups_it_still_watches_when_its_pipe_closes() -> None:
    watched, forgotten = start(), start()
    guardian = Guardian(grace_s=0.2)
    guardian.watch(watched.pid)
    guardian.watch(forgotten.pid)
    guardian.forget(forgotten.pid)
    guardian.close()
    assert watched.wait() == -signal.SIGTERM
    assert is_alive(forgotten.pid)
    forgotten.kill()
    forgotten.wait()


def test_a_signal_to_a_group_that_is_gone_says_so() -> None:
    process = start()
    assert signal_group(process.pid, signal.SIGKILL)
    process.wait()
    assert wait_gone([process.pid]) == []
    assert not signal_group(process.pid, 0)


@given(st.lists(st.tuples(st.booleans(), st.integers(2, 9))))
def test_a_group_lives_when_its_last_line_says_so(told: list[tuple[bool, int]]) -> None:
    lines = [f"{'+' if lives else '-'}{group}\n" for lives, group in told]
    last = {group: lives for lives, group in told}
    assert living_groups(lines) == {group for group, lives in last.items() if lives}
