"""What a generator tells who started it: a word when something begins, a line of JSON at the end."""

import json
import resource
import time
from collections.abc import Sequence
from typing import Any


class Window:
    """The measured stretch of a generator's life: its time and its own use of the processor."""

    def __init__(self) -> None:
        self.began_s = time.monotonic()
        self._cpu_s = own_cpu_s()

    @property
    def seconds(self) -> float:
        """Time since it began, s."""
        return time.monotonic() - self.began_s

    def summary(self) -> dict[str, float]:
        """Give seconds passed, and the share of one core that was used."""
        seconds = self.seconds
        return {"seconds": seconds, "cpu_share": round((own_cpu_s() - self._cpu_s) / seconds, 3)}


def own_cpu_s() -> float:
    """Processor time of this process so far, s."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def say(word: str) -> None:
    """Tell that something has begun."""
    print(word, flush=True)


def tell(report: dict[str, Any]) -> None:
    """Tell the end."""
    print(json.dumps(report), flush=True)


def quantiles_ms(times_s: Sequence[float]) -> dict[str, float]:
    """Give count, p50, p99 and the longest of these times, ms; zeros where there are none."""
    ordered = sorted(times_s)
    if not ordered:
        return {"count": 0, "p50_ms": 0.0, "p99_ms": 0.0, "max_ms": 0.0}
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.50, 0.99))
    named = {"p50_ms": p50, "p99_ms": p99, "max_ms": ordered[-1]}
    return {"count": len(ordered), **{name: round(value * 1000, 3) for name, value in named.items()}}
