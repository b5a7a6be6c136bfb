"""Failures of calls nobody waited for: counted, and told to the log at a bearable rate."""

from logging import Logger
from time import monotonic

_QUIET_S = 1.0


class Unheard:
    """One of these belongs to a store."""

    def __init__(self, log: Logger) -> None:
        self.count = 0
        """Calls that failed with nobody waiting."""
        self._log = log
        self._told = 0
        self._next_s = 0.0

    def add(self, error: Exception) -> None:
        """Count one; write one line for all since the last line, at most once a second."""
        self.count += 1
        now_s = monotonic()
        if now_s >= self._next_s:
            self._log.warning(
                "%d store calls nobody waited for failed, the last with %r", self.count - self._told, error
            )
            self._told, self._next_s = self.count, now_s + _QUIET_S
