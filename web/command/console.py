"""One place where all processes of a stack speak: whole lines, each after the name of its process."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import IO, TextIO

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_BOLD = 1


class Console:
    """Writes lines of several threads unmixed; given a folder, keeps a log file for each process.

    `quiet` shows only what the supervisor and the processes in `aloud` say; lines in which `hide` is found
    are never shown. The logs have everything.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        speaker: str,
        names: tuple[str, ...] = (),
        colour: bool | None = None,
        quiet: bool = False,
        aloud: tuple[str, ...] = (),
        hide: re.Pattern[str] | None = None,
        log_dir: Path | None = None,
    ) -> None:
        self._stream = stream
        self._lock = Lock()
        self._speaker = speaker
        self._width = max(map(len, (speaker, *names)))
        self._codes = _colour_codes(speaker, names) if self._may_colour(colour) else {}
        self._shown = {speaker, *aloud} if quiet else {speaker, *aloud, *names}
        self._hide = hide
        self._logs: dict[str, IO[str]] = {}
        self._log_dir = log_dir
        self.gone = False
        """Whether the reader of the stream went away; nothing is shown any more."""

    def say(self, text: str) -> None:
        """Show what the supervisor itself has to say."""
        for line in text.splitlines():
            self.line(self._speaker, line)

    def line(self, name: str, text: str) -> None:
        """Show and log one line (without its end) of the process `name`."""
        with self._lock:
            self._log(name, text)
            if name in self._shown and not self.gone and not (self._hide and self._hide.search(text)):
                self._show(f"{self._prefix(name)} {text}\n")

    def close(self) -> None:
        """Close the log files."""
        with self._lock:
            for log in self._logs.values():
                log.close()
            self._logs.clear()

    def _may_colour(self, asked: bool | None) -> bool:
        """Unless told, colour what goes to a terminal whose user does not mind."""
        return self._stream.isatty() and "NO_COLOR" not in os.environ if asked is None else asked

    def _show(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            self.gone = True

    def _prefix(self, name: str) -> str:
        prefix = f"{name:<{self._width}} |"
        code = self._codes.get(name)
        return prefix if code is None else f"\x1b[{code}m{prefix}\x1b[0m"

    def _log(self, name: str, text: str) -> None:
        if self._log_dir is None:
            return
        if name not in self._logs:
            self._log_dir.mkdir(parents=True, exist_ok=True)
            self._logs[name] = (self._log_dir / f"{name}.log").open("a", encoding="utf-8", buffering=1)
        self._logs[name].write(text + "\n")


def _colour_codes(speaker: str, names: tuple[str, ...]) -> Mapping[str, int]:
    """Give each process a colour, in turn, and the supervisor bold."""
    return {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)} | {speaker: _BOLD}
