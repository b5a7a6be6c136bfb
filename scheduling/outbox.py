"""The outbox: what scripts recorded for the background, taken under a lease and given back if not done.

A claimed entry that is not done within the claim time is claimed again by somebody else, so a killed
worker loses nothing; done entries are deleted, so a stream's length is what is still to do.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from scheduling.errors import CommandError
from scheduling.ledger.cell import text
from scheduling.settings import Settings
from scheduling.store.base import Parts, Store

_GROUP = "drain"
#: One name for all who drain: a claim is told apart by its age, and Redis would keep for ever the name of
#: every process that ever was.
_CONSUMER = "drain"
#: Entries taken at once: some 10 ms of work between two round trips, while nobody else runs in a web
#: process, and done twice when its worker dies.
_BATCH = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to do."""

    entry_id: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Drained:
    """What one drain did."""

    count: int
    more: bool
    """There may be more: time or the number ran out."""


class Outbox:
    """One outbox stream. Raises `StoreError`."""

    def __init__(self, store: Store, stream: str, settings: Settings) -> None:
        self._store = store
        self._stream = stream
        self._settings = settings

    def drain(
        self, work: Callable[[list[Entry]], Sequence[Parts] | None], idle: Callable[[], None] | None = None
    ) -> Drained:
        """Have all entries worked on, for at most ``drain_ms`` or ``drain_items``.

        ``work`` may give commands that go along with noting that its entries are done. ``idle`` is called if
        none is left, before the last look: what it does so that a new entry wakes somebody cannot miss one.
        What ``work`` raises ends the drain; its entries are claimed again later.
        """
        until_s = time.monotonic() + self._settings.drain_ms / 1000
        count = 0
        entries = self.claim()
        while True:
            if not entries and idle:
                idle()
                entries = self.claim()
            if not entries:
                return Drained(count, more=False)
            also = work(entries) or ()
            count += len(entries)
            if count >= self._settings.drain_items or time.monotonic() >= until_s:
                self.done(entries, also)
                return Drained(count, more=True)
            entries = self._next(entries, also)

    def claim(self, most: int = _BATCH) -> list[Entry]:
        """Take entries whose claim lapsed and new ones, up to ``most`` of each.

        The lapsed come first and every time: a dead worker's results hold back those behind them in their
        sessions, however many new ones come.
        """
        try:
            return self._claim(most)
        except CommandError as error:
            if "NOGROUP" not in str(error):
                raise
            self._make_group()
            return self._claim(most)

    def done(self, entries: list[Entry], also: Sequence[Parts] = ()) -> None:
        """Delete entries that were dealt with, in one round trip with other commands."""
        if entries:
            self._store.commands([*self._to_delete(entries), *also])

    def _next(self, entries: list[Entry], also: Sequence[Parts]) -> list[Entry]:
        """Delete what was dealt with and claim what is next, in one round trip."""
        *_, lapsed, new = self._store.commands([*self._to_delete(entries), *also, *self._to_claim(_BATCH)])
        return _claimed(lapsed, new)

    def _claim(self, most: int) -> list[Entry]:
        return _claimed(*self._store.commands(self._to_claim(most)))

    def _to_delete(self, entries: list[Entry]) -> list[Parts]:
        ids = [entry.entry_id for entry in entries]
        # In this order: a deleted entry that is still claimed is forgotten by the next who claims it;
        # one acknowledged but not deleted would look undone for ever, to be claimed by nobody.
        return [("XDEL", self._stream, *ids), ("XACK", self._stream, _GROUP, *ids)]

    def _to_claim(self, most: int) -> list[Parts]:
        return [
            ("XAUTOCLAIM", self._stream, _GROUP, _CONSUMER, self._settings.claim_ms, "0", "COUNT", most),
            ("XREADGROUP", "GROUP", _GROUP, _CONSUMER, "COUNT", most, "STREAMS", self._stream, ">"),
        ]

    def _make_group(self) -> None:
        try:
            self._store.command("XGROUP", "CREATE", self._stream, _GROUP, "0", "MKSTREAM")
        except CommandError as error:
            if "BUSYGROUP" not in str(error):
                raise


def _claimed(lapsed: Any, new: Any) -> list[Entry]:
    return _entries(lapsed[1]) + (_entries(new[0][1]) if new else [])


def _entries(raw: list[Any]) -> list[Entry]:
    return [
        Entry(text(entry_id), {text(k): text(v) for k, v in zip(fields[::2], fields[1::2], strict=True)})
        for entry_id, fields in raw
        if fields
    ]
