"""Bodies that this process has just stored and is about to need: they need not be fetched again."""

import time


class AtHand:
    """A body is taken once; beyond ``most_bytes`` those that were put first go.

    Nothing depends on what is in here: what is missing is read from its server.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._bodies: dict[str, tuple[str, float]] = {}

    def put(self, name: str, data: str) -> None:
        """Keep a body (ASCII) until it is taken; one that alone is more than all may be is not kept."""
        self.take(name)
        if len(data) > self._most_bytes:
            return
        self._bodies[name] = data, time.monotonic()
        self._bytes += len(data)
        while self._bytes > self._most_bytes:
            self.take(next(iter(self._bodies)))

    def take(self, name: str) -> str | None:
        """Give a body and keep it no longer; None where it is not here."""
        data, _ = self._bodies.pop(name, (None, 0))
        if data is not None:
            self._bytes -= len(data)
        return data

    def drop_older(self, age_s: float) -> None:
        """Let go of what was put longer ago than this: nobody came for it."""
        until_s = time.monotonic() - age_s
        while self._bodies and next(iter(self._bodies.values()))[1] < until_s:
            self.take(next(iter(self._bodies)))
