"""Lines for a person at a terminal: results to one stream, progress to another."""

from __future__ import annotations

import sys
from typing import TextIO


class Output:
    """Prints lines, with a progress line below them that overwrites itself on a terminal.

    Where progress does not go to a terminal it is left out: a log wants no line every 256 ms.
    """

    def __init__(self, out: TextIO | None = None, status: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._status = status or sys.stderr
        self._width = 0

    def line(self, text: str) -> None:
        """Print a result."""
        self._clear()
        print(text, file=self._out, flush=True)

    def complain(self, text: str) -> None:
        """Print what went wrong."""
        self._clear()
        print(f"speech-dispatch say: {text}", file=self._status, flush=True)

    def progress(self, text: str) -> None:
        """Replace the progress line."""
        if self._status.isatty():
            print(f"\r{text:<{self._width}}", end="", file=self._status, flush=True)
            self._width = len(text)

    def _clear(self) -> None:
        if self._width:
            print("\r" + " " * self._width + "\r", end="", file=self._status, flush=True)
            self._width = 0
