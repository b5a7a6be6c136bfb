"""Ends the process groups of a supervisor that was killed.

A supervisor that gets SIGKILL cannot clean up, and what it started would run on with its ports taken. So it
starts this file as a process of its own, and tells it over a pipe which groups live: lines `+GROUP` and
`-GROUP`. When the pipe closes, whatever the reason, the groups still named are asked to end, then killed.
Process groups, rather than a death signal for each child, because they take the grandchildren along (the
workers of gunicorn, the pool of Celery), and exist on other systems than Linux.

This file runs without the site packages (`python -IS`), so it imports from the standard library only.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

_LOOK_S = 0.05


class Guardian:
    """The supervisor's end of the pipe; without this process alive, nothing is lost but the safety."""

    def __init__(self, grace_s: float) -> None:
        """Start it; `grace_s` is what the groups get to end by themselves."""
        self._process = subprocess.Popen(
            [sys.executable, "-IS", __file__, str(grace_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in the terminal is for the supervisor to handle.
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        """End the process group `group` should we die."""
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """Leave the group alone: it is gone, and its number may soon be somebody else's."""
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """Let the process end; groups still watched are ended by it."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group (0 only looks); false when there is no such group."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS says so of a group that has nothing but zombies left.
        return False
    return True


def living_groups(lines: Iterable[str]) -> set[int]:
    """Read `+GROUP` and `-GROUP` lines to their end; give the groups that were not taken back."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    return groups


def end(groups: set[int], grace_s: float) -> None:
    """Ask the groups to end, and kill what is left of them after `grace_s`."""
    until_s = time.monotonic() + grace_s
    left = {group for group in groups if signal_group(group, signal.SIGTERM)}
    while left and time.monotonic() < until_s:
        time.sleep(_LOOK_S)
        left = {group for group in left if signal_group(group, 0)}
    for group in left:
        signal_group(group, signal.SIGKILL)


def _main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end(living_groups(sys.stdin), float(sys.argv[1]))


if __name__ == "__main__":
    _main()
