"""Times of the stages of one job."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from scheduling.messages import ServiceTimings


class Stopwatch:
    """Adds up the time of each stage: ``asr``, ``nmt``, ``tts``."""

    def __init__(self) -> None:
        self._spent_s: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the block for stage ``name``."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._spent_s[name] = self._spent_s.get(name, 0.0) + time.monotonic() - began

    def timings(self) -> ServiceTimings:
        """Return the times in ms, for the stages that ran."""
        spent = {name: round(seconds * 1000) for name, seconds in self._spent_s.items()}
        return ServiceTimings(
            asr_ms=spent.get("asr"),
            nmt_ms=spent.get("nmt"),
            tts_ms=spent.get("tts"),
            total_ms=sum(spent.values()),
        )
