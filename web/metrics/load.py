"""How busy this process is: its share of a core, and how late its event loop wakes who sleeps."""

import time
from collections import deque

import gevent

from scheduling.store.stats import Histogram

#: The event loop is felt so often, s.
_FEEL_S = 0.25
#: The share is taken over this time, s.
_WINDOW_S = 10.0


class Load:
    """A late event loop is felt by everybody it serves, so it is the first sign of too much work."""

    def __init__(self) -> None:
        self.lag = Histogram()
        self.worst_lag_s = 0.0
        """The worst within the last seconds."""
        self.busy = 0.0
        """Share of one core, mean of the last seconds."""
        self._worst: deque[tuple[float, float]] = deque()
        self._used: deque[tuple[float, float]] = deque()

    def run(self) -> None:
        """Feel the loop for ever."""
        while True:
            due_s = time.monotonic() + _FEEL_S
            gevent.sleep(_FEEL_S)
            self.note_lag(max(0.0, time.monotonic() - due_s))

    def note_lag(self, seconds: float) -> None:
        """Note how late one sleeper was woken."""
        self.lag.add(seconds)
        now_s = time.monotonic()
        while self._worst and (now_s - self._worst[0][0] > _WINDOW_S):
            self._worst.popleft()
        # Only those stay that will be the worst once the ones before them are too old.
        while self._worst and self._worst[-1][1] <= seconds:
            self._worst.pop()
        self._worst.append((now_s, seconds))
        self.worst_lag_s = self._worst[0][1]

    def look(self) -> None:
        """Work out the share of a core; to be called about once a second."""
        self._used.append((time.monotonic(), time.process_time()))
        while len(self._used) > 2 and self._used[-1][0] - self._used[0][0] > _WINDOW_S:
            self._used.popleft()
        span_s = self._used[-1][0] - self._used[0][0]
        if span_s > 0:
            self.busy = (self._used[-1][1] - self._used[0][1]) / span_s
