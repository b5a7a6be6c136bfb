"""Keys of a terminal, as they are pressed."""

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager


class Keys:
    """Waits for keys of a terminal, or merely waits where there is none."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd

    @property
    def heard(self) -> bool:
        """Whether there is somebody to press any."""
        return self._fd is not None

    def wait(self, seconds: float) -> str:
        """Give the key pressed within so many seconds; empty for none."""
        if self._fd is None:
            time.sleep(seconds)
            return ""
        if not select.select([self._fd], [], [], seconds)[0]:
            return ""
        data = os.read(self._fd, 32)
        if not data:  # the terminal has gone
            return "q"
        return data.decode(errors="replace")[0].lower()


@contextmanager
def listening() -> Iterator[Keys]:
    """Have the terminal give keys at once and unechoed; leave it as it was."""
    if not sys.stdin.isatty():
        yield Keys(None)
        return
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    try:
        yield Keys(fd)
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
