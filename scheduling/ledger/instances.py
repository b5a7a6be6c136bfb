"""Web processes in the ledger: that they live, and what becomes of what a dead one held."""

from collections.abc import Iterator

from scheduling.ledger.cell import Cell, text
from scheduling.store.base import Part

#: Nodes, and sessions, settled by one call of the script: about 1 ms of the server's time.
AT_ONCE = 32
#: Calls made in one go: what a process with 5,000 sessions and 500 nodes held is settled in two of them.
_BATCHES = 80
#: Silent processes looked at in one go; more of them are met the next time.
_MOST_SILENT = 16


class Instances:
    """Typed calls of the instance scripts."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._keys = cell.keys

    def touch(self, instance: str, generation: int) -> int | None:
        """Note that an instance lives; give its generation, a new one for 0, None when it has ended."""
        keys = self._keys
        reply = self._cell.call(
            "touch_instance",
            [keys.instances, keys.generations, keys.instance_sessions(instance)],
            [instance, generation],
        )
        return int(reply[1]) if reply[0] else None

    def end_dead(self, most_batches: int = _BATCHES) -> list[str]:
        """Declare dead what was not heard for ``instance_dead_ms``, and settle a part of what it held.

        Gives those of whom nothing is left. Raises `StoreError`.
        """
        dead_ms = self._cell.settings.instance_dead_ms
        ended, batches = [], most_batches
        for instance in self._silent(dead_ms):
            more: bool | None = True
            while more and batches > 0:
                more, batches = self.end(instance, dead_ms), batches - 1
            if more is False:
                ended.append(instance)
        return ended

    def leave(self, instance: str, most_batches: int = _BATCHES) -> None:
        """Let an instance go whose process ends; what it still holds is given up as if it had died."""
        for _ in range(most_batches):
            if not self.end(instance, 0):
                return

    def _silent(self, dead_ms: int) -> Iterator[str]:
        time, clock, found = self._cell.store.commands(
            [
                ("TIME",),
                ("HGET", self._keys.cell, "clock"),
                ("ZRANGE", self._keys.instances, 0, _MOST_SILENT - 1, "WITHSCORES"),
            ]
        )
        now_ms = int(clock) if clock else int(time[0]) * 1000 + int(time[1]) // 1000
        for name, heard in zip(found[::2], found[1::2], strict=True):
            if now_ms - float(heard) >= dead_ms:
                yield text(name)

    def end(self, instance: str, dead_ms: int) -> bool | None:
        """Settle one batch; give whether more is left, None when the instance was heard since."""
        keys, settings = self._keys, self._cell.settings
        args: list[Part] = [instance, dead_ms, settings.grace_ms, AT_ONCE]
        reply = self._cell.call(
            "end_instance",
            [
                keys.instances, keys.generations, keys.instance_nodes(instance),
                keys.instance_sessions(instance), keys.inbox(instance), keys.instance(instance),
                keys.metrics(instance),
            ],
            args,
        )  # fmt: skip
        return bool(reply[1]) if reply[0] else None
