"""Marks that a drain of some shards is at work: while they stand, no result wakes another one."""

import time
from collections.abc import Sequence
from math import inf

from scheduling.store.base import Parts, Store

#: Marks are made anew so often within their time.
_TIMES = 3


class WakeMarks:
    """The marks of one drain. They lapse by themselves, so one that dies keeps nobody asleep for longer.

    A drain that left them to the results would be woken again and again while it works: they lapse every
    ``wake_ms`` in each shard, and a message to a worker costs as much as formatting ten results.
    """

    def __init__(self, store: Store, names: Sequence[str], wake_ms: int) -> None:
        self._store = store
        self._names = names
        self._wake_ms = wake_ms
        self._made_s = -inf

    def renewal(self) -> list[Parts]:
        """Give the commands that make them anew, when it is time to."""
        now_s = time.monotonic()
        if now_s - self._made_s < self._wake_ms / 1000 / _TIMES:
            return []
        self._made_s = now_s
        return [("SET", name, "1", "PX", self._wake_ms) for name in self._names]

    def remove(self) -> None:
        """Let the next result wake somebody. Raises `StoreError`."""
        self._made_s = -inf
        self._store.command("DEL", *self._names)
