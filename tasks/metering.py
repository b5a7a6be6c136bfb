"""What a worker counts of its tasks: how long each took, and how old its message was.

It is counted where Celery hands tasks to its pool, in the one process that has the connection to the broker,
so that nothing of it is lost with a child, and no task pays a round trip for it.
"""

import time
from collections import Counter, defaultdict, deque
from datetime import datetime
from typing import Any

from celery.worker import state
from celery.worker.request import Request

from scheduling.metrics import Reading
from scheduling.metrics.process import note_process
from scheduling.store.stats import Histogram
from tasks.names import EXPIRES_S

_WINDOW_S = 10.0


class TaskCounts:
    """The counters of one worker process."""

    def __init__(self) -> None:
        self.times: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.ages: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.failures: Counter[str] = Counter()
        self.taken = 0
        """Tasks since the start."""
        self.taken_s = time.monotonic()
        """When it last took a task, on the monotonic clock; its start before the first."""
        self._started_ms = time.time_ns() // 1_000_000
        self._worked_s = 0.0
        self._looks: deque[tuple[float, float]] = deque()

    def note_taken(self, task: str, age_s: float | None) -> None:
        """Note that a task begins whose message has waited so long; None where it does not say."""
        self.taken += 1
        self.taken_s = time.monotonic()
        if age_s is not None:
            self.ages[task].add(age_s)

    def note_ended(self, task: str, seconds: float) -> None:
        """Note how long a task took."""
        self.times[task].add(seconds)
        self._worked_s += seconds

    def busy(self) -> float:
        """Give the tasks at work, mean of the last seconds; to be asked every few seconds."""
        self._looks.append((time.monotonic(), self._worked_s))
        while len(self._looks) > 2 and self._looks[-1][0] - self._looks[0][0] > _WINDOW_S:
            self._looks.popleft()
        span_s = self._looks[-1][0] - self._looks[0][0]
        return (self._looks[-1][1] - self._looks[0][1]) / span_s if span_s > 0 else 0.0

    def read(self, queue: str, at_once: int) -> Reading:
        """Give all of them now; ``at_once`` are the tasks that the worker of this queue may work on."""
        reading = Reading()
        note_process(reading, "worker", self._started_ms)
        for task, histogram in self.times.items():
            reading.classes("task_seconds", histogram, _short(task))
        for task, histogram in self.ages.items():
            reading.classes("task_age_seconds", histogram, _short(task))
        for task in self.times.keys() | self.failures.keys():
            reading.set("task_failures_total", self.failures[task], _short(task))
        reading.set("tasks_taken_total", self.taken)
        reading.set("tasks_running", len(state.active_requests))
        reading.set("tasks_at_once", at_once)
        reading.set("worker_idle_seconds", round(time.monotonic() - self.taken_s, 3), queue)
        reading.set("worker_busy_ratio", round(self.busy(), 4))
        return reading


counts = TaskCounts()


class CountedRequest(Request):
    """A task in a worker, counted."""

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """Note that a process of the pool begins with it."""
        super().on_accepted(pid, time_accepted)
        counts.note_taken(self.name, self._age_s())

    def acknowledge(self) -> None:
        """Note that it is over, well or not: messages are acknowledged late."""
        if not self.acknowledged and self.time_start:
            counts.note_ended(self.name, max(0.0, time.time() - self.time_start))
        super().acknowledge()

    def on_failure(self, exc_info: Any, **kwargs: Any) -> None:
        """Note that it raised something."""
        counts.failures[self.name] += 1
        super().on_failure(exc_info, **kwargs)

    def _age_s(self) -> float | None:
        """Give how long its message has waited: every publisher sets when it is void, so long after."""
        expires = self.request_dict.get("expires")
        if not expires:
            return None
        void_s = datetime.fromisoformat(expires).timestamp()
        return max(0.0, time.time() - (void_s - EXPIRES_S))


def _short(task: str) -> str:
    return task.rpartition(".")[2]
