"""Finds what went wrong in the log files of a stack."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Python's and gunicorn's level names, Flower's "[E 261124 ...]", Valkey's crash report.
_FAULT = re.compile(r"\b(ERROR|CRITICAL|FATAL)\b|Traceback \(most recent|^\[[EC] \d{6} |BUG REPORT START")


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that tells of an error."""

    log: Path
    number: int
    """Of the line, from 1."""
    text: str

    def __str__(self) -> str:
        return f"{self.log}:{self.number}: {self.text}"


def faults(folder: Path) -> Iterator[Fault]:
    """Give every line of `folder`'s logs that tells of an error, log by log."""
    for log in sorted(folder.glob("*.log")):
        with log.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                if _FAULT.search(line):
                    yield Fault(log, number, line.rstrip())
