"""Rounds of a measure on a machine that others share: those count in which the machine was not much slower.

While a round lasts, a thread does a small piece of work now and then and notes the processor time it took,
which waiting for a core is no part of. That is how fast the machine was just then, whatever was measured.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from bench.book import Book
from bench.measures.bench import Bench
from bench.steadiness import work

_PAUSE_S = 0.04
_STEPS = 5000
#: Of the fastest round's time for the same work: slower ones do not count, as long as enough are left.
_MUCH = 1.15
_FEWEST = 3


class Rounds:
    """Keeps what each round finds apart until it is known which of them count."""

    def __init__(self, bench: Bench, name: str) -> None:
        self._bench = bench
        self._name = name
        self._found: list[tuple[float, Book]] = []

    @contextmanager
    def one(self) -> Iterator[None]:
        """Have all that is noted meanwhile belong to one round."""
        kept, own = self._bench.book, Book(facts=self._bench.book.facts)
        self._bench.book, pace = own, _Pace()
        try:
            yield
        finally:
            pace_us = pace.end()
            self._bench.book = kept
        self._found.append((pace_us, own))

    def note(self) -> None:
        """Note what the rounds that count have found, in their order, and how many do not."""
        paces = sorted(pace for pace, _ in self._found)
        most = max(paces[0] * _MUCH, paces[min(_FEWEST, len(paces)) - 1])
        counting = [book for pace, book in self._found if pace <= most]
        for book in counting:
            for name, values in book.runs.items():
                for value in values:
                    self._bench.book.add(name, value)
        told = self._bench.book.facts.setdefault("rounds", {})
        told[self._name] = {
            "of": len(self._found),
            "counting": len(counting),
            "work_us": [round(pace) for pace, _ in self._found],
        }


class _Pace:
    """The median processor time of a piece of work, from its making to its end."""

    def __init__(self) -> None:
        self._times_us: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not (self._times_us and self._over.wait(_PAUSE_S)):
            began_s = time.thread_time()
            work(_STEPS)
            self._times_us.append(1e6 * (time.thread_time() - began_s))

    def end(self) -> float:
        """Stop, and give it, µs."""
        self._over.set()
        self._thread.join()
        return median(self._times_us)
