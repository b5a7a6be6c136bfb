"""What was measured, run by run; figures are medians, with their spread beside them."""

from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass
class Book:
    """Runs by the name of what was measured; a name has a value for each run of it."""

    runs: dict[str, list[float]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    """What is no figure of several runs: parts of a time, reasons why something was left out."""

    def add(self, name: str, value: float) -> None:
        """Note one run."""
        self.runs.setdefault(name, []).append(value)

    def compare(self, name: str, ours: float, others: float) -> None:
        """Note one run of a ratio: both sides come from the same round, so that a slow minute meets both."""
        self.add(name, ours / others)

    def value(self, name: str) -> float | None:
        """Median over the runs; None for what was not measured."""
        values = self.runs.get(name)
        return median(values) if values else None

    def spread(self, name: str) -> tuple[float, float] | None:
        """Least and greatest of the runs."""
        values = self.runs.get(name)
        return (min(values), max(values)) if values else None

    def worst(self, name: str, value: float) -> None:
        """Keep the greatest of all runs as the one value: for what must never be longer."""
        self.runs[name] = [max(value, *self.runs.get(name, [value]))]
