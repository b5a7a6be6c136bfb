"""What one process or the cell measures at one moment, compact enough to be told every second."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any, Final

from scheduling.metrics.definitions import DEFINITIONS, Definition
from scheduling.store.stats import BOUNDS_S as CLASSES_S
from scheduling.store.stats import Histogram

#: Of the fine classes that are counted in, every fifth bound is shown: each twice the last, 17 µs to 10 s.
_STEP: Final = 5
BOUNDS_S: Final = tuple(CLASSES_S[_STEP - 1 :: _STEP])
#: In the middle of a class; the sum of a histogram is told from its classes, exact to 7 %.
_MIDDLES_S: Final = tuple(bound / 1.15**0.5 for bound in (*CLASSES_S, CLASSES_S[-1] * 1.15))

#: Classes of the cell's `job_seconds` (``lua/include/finish.lua``): 1 ms to 20 min.
_JOB_CLASSES: Final = range(101)
_JOB_BOUNDS_S: Final = tuple(1.15**at / 1000 for at in _JOB_CLASSES[::_STEP])

Value = float | list[float]
"""A number; or of a histogram the count up to each bound, the whole count, and the sum (s)."""


class Reading:
    """Samples by the name of their series."""

    def __init__(self, samples: Mapping[str, list[tuple[list[str], Value]]] | None = None) -> None:
        self._samples: dict[str, list[tuple[list[str], Value]]] = dict(samples or {})

    def set(self, name: str, value: float, *labels: str) -> None:
        """Note a number; ``labels`` are values in the order of the definition."""
        self._note(name, value, labels)

    def set_all(self, name: str, values: Mapping[Any, float]) -> None:
        """Note a number for each value of the only label."""
        for label, value in values.items():
            self._note(name, value, (str(label),))

    def classes(self, name: str, histogram: Histogram, *labels: str) -> None:
        """Note a histogram."""
        counts = histogram.counts
        upto = list(accumulate(counts))
        total = sum(count * middle for count, middle in zip(counts, _MIDDLES_S, strict=True) if count)
        self._note(name, [*upto[_STEP - 1 : -1 : _STEP], upto[-1], round(total, 6)], labels)

    def job_classes(self, name: str, latency: Mapping[int, int]) -> None:
        """Note the cell's durations of jobs, by class."""
        counts = [latency.get(at, 0) for at in _JOB_CLASSES]
        upto = list(accumulate(counts))
        total = sum(count * 1.15 ** (at - 0.5) / 1000 for at, count in enumerate(counts))
        self._note(name, [*upto[::_STEP], upto[-1], round(total, 6)], ())

    def _note(self, name: str, value: Value, labels: tuple[str, ...]) -> None:
        definition = DEFINITIONS[name]
        assert len(labels) == len(definition.labels), f"{name} has the labels {definition.labels}"
        self._samples.setdefault(name, []).append((list(labels), value))

    def __iter__(self) -> Iterator[tuple[Definition, list[str], Value]]:
        """Give the samples whose series is known here, each with its labels' values."""
        for name, samples in self._samples.items():
            if definition := DEFINITIONS.get(name):
                for labels, value in samples:
                    if _fits(definition, labels, value):
                        yield definition, labels, value

    def number(self, name: str) -> float:
        """Give the first number of a series; 0 where there is none."""
        samples = self._samples.get(name)
        value = samples[0][1] if samples else 0.0
        return 0.0 if isinstance(value, list) else value

    def dump(self) -> str:
        """Write it as JSON."""
        return json.dumps(self._samples, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def load(cls, data: str | bytes) -> Reading:
        """Read what another process wrote, perhaps of another version: what is not known is left out."""
        return cls(json.loads(data))


def bounds_of(definition: Definition) -> tuple[float, ...]:
    """Give the bounds (s) that a histogram is shown with."""
    return _JOB_BOUNDS_S if definition.name == "job_seconds" else BOUNDS_S


def _fits(definition: Definition, labels: list[str], value: Value) -> bool:
    """Whether a sample is of the shape that this version gives its series."""
    if len(labels) != len(definition.labels):
        return False
    if definition.kind != "histogram":
        return not isinstance(value, list)
    return isinstance(value, list) and len(value) == len(bounds_of(definition)) + 2
