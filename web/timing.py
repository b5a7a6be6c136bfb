"""How long each flow takes inside this process, and where its calls of the ledger waited."""

import time
from typing import Any

from scheduling.store.stats import Histogram, StoreStats

FLOWS = ("register", "heartbeat", "create", "dispatch", "complete")


class Timings:
    """Durations of the flows since the start of the process."""

    def __init__(self) -> None:
        self.flows = {flow: Histogram() for flow in FLOWS}
        self.dispatch = self.flows["dispatch"]
        self.queue_wait = Histogram()
        """From placed to handed to a node, first attempts."""
        self.first_audio = Histogram()
        """From the end of speech to the first translated audio sent."""

    def measure(self, flow: str) -> "Measured":
        """Note how long the body takes."""
        return Measured(self.flows[flow])

    def summary(self, *, classes: bool = False) -> dict[str, dict[str, Any]]:
        """Give count, p50 and p99 (ms) of each flow; on wish all classes, for the difference of two looks."""
        return {flow: _quantiles(histogram, classes) for flow, histogram in self.flows.items()}


class Measured:
    """A context whose time is counted, however it ends. (A generator would take twice as long to enter.)"""

    __slots__ = ("_histogram", "_started_s")

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._started_s = time.perf_counter()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._histogram.add(time.perf_counter() - self._started_s)


def link_summary(stats: StoreStats, *, classes: bool = False) -> dict[str, Any]:
    """Give the counters of a link and, by script, how long calls waited for it and for our own loop (ms)."""
    calls = {
        name: {"link": _quantiles(waits.link, classes), "loop": _quantiles(waits.loop, classes)}
        for name, waits in stats.waits.items()
    }
    counters = ("calls", "flushes", "connects", "losses", "repeats", "timeouts", "refusals")
    return {**{name: getattr(stats, name) for name in counters}, "waits": calls}


def _quantiles(histogram: Histogram, classes: bool) -> dict[str, Any]:
    p50, p99 = (round(histogram.quantile(share) * 1000, 3) for share in (0.50, 0.99))
    quantiles = {"count": histogram.total, "p50_ms": p50, "p99_ms": p99}
    return {**quantiles, "classes_ms": histogram.classes_ms()} if classes else quantiles
