"""Marks that a drain is on its way, or at work: while one stands, no result of its shard wakes another."""

import time
from collections.abc import Sequence
from math import inf

from scheduling.store.base import Parts, Store

#: Marks are given their time anew so often within it.
_TIMES = 3


class WakeMarks:
    """The marks of one drain, which results make. They lapse, so that one that dies keeps nobody asleep.

    A drain that left them to the results would be woken again and again while it works: they lapse every
    ``wake_ms`` in each shard, and a message to a worker costs as much as formatting ten results.
    """

    def __init__(self, store: Store, names: Sequence[str], wake_ms: int) -> None:
        self._store = store
        self._names = names
        self._wake_ms = wake_ms
        self._renewed_s = -inf

    def renewal(self) -> list[Parts]:
        """Give the commands that let them stand for longer, when it is time to; a full server takes them."""
        now_s = time.monotonic()
        if now_s - self._renewed_s < self._wake_ms / 1000 / _TIMES:
            return []
        self._renewed_s = now_s
        return [("PEXPIRE", name, self._wake_ms) for name in self._names]

    def remove(self) -> None:
        """Let the next result wake somebody. Raises `StoreError`."""
        self._renewed_s = -inf
        self._store.command("DEL", *self._names)
