"""What a check found: a line for people, a record for programs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much it matters."""

    OK = "ok"
    WARNING = "warning"
    """It works, but worse than it should, or not for long."""
    FAILED = "failed"
    """It does not work, or what is accepted may be lost."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line."""

    check: str
    """One word; the same for the same thing on every machine."""
    level: Level
    says: str
    """What is so."""
    advice: str = ""
    """What to do; empty when nothing is to be done."""


Findings = Iterator[Finding]


def ok(check: str, says: str) -> Finding:
    """Say that a thing is as it should be."""
    return Finding(check, Level.OK, says)


def warning(check: str, says: str, advice: str) -> Finding:
    """Say what is worse than it should be, and what helps."""
    return Finding(check, Level.WARNING, says, advice)


def failed(check: str, says: str, advice: str) -> Finding:
    """Say what does not work, and what helps."""
    return Finding(check, Level.FAILED, says, advice)


def worst(findings: Iterable[Finding]) -> Level:
    """Give the level of the whole."""
    order = list(Level)
    return max((finding.level for finding in findings), key=order.index, default=Level.OK)
