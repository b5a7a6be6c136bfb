"""How long to wait before a process that died is started again, and when to give it up."""

from collections import deque

#: The first wait; each further death within `_WINDOW_S` doubles it.
_FIRST_S = 0.5
#: Deaths older than this are forgiven.
_WINDOW_S = 60.0
#: With this many deaths in the window another start would only repeat what is wrong.
_MOST = 5


class RestartBudget:
    """Counts the deaths of one process: `0.5, 1, 2, 4, 8` s to wait, then none for a minute."""

    def __init__(self) -> None:
        self._deaths_s: deque[float] = deque()

    def next_delay_s(self, now_s: float) -> float | None:
        """Note a death at `now_s`; give the seconds to wait before the next start, or None for never."""
        while self._deaths_s and self._deaths_s[0] <= now_s - _WINDOW_S:
            self._deaths_s.popleft()
        if len(self._deaths_s) >= _MOST:
            return None
        delay_s: float = _FIRST_S * 2 ** len(self._deaths_s)
        self._deaths_s.append(now_s)
        return delay_s
