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


#: Entries of a claim on average, from which on they come several at a time, and what each claim counts in it.
_SEVERAL, _WEIGHT = 1.2, 0.2
#: A drain that goes on looks for lapsed claims so many times within the claim time.
_LOOKS = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to do."""

    entry_id: str
    fields: dict[str, str]
    stream: str


@dataclass(frozen=True, slots=True)
class Drained:
    """What one drain did."""

    count: int
    more: bool
    """There may be more: time or the number ran out."""


class Outbox:
    """One or more outbox streams, dealt with as one. Raises `StoreError`."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *streams: str,
        linger_ms: int = 0,
        gather_ms: int = 0,
        most_ms: int | None = None,
    ) -> None:
        """Deal with these; ``linger_ms`` is how long a drain that did something waits for more.

        The store's connection is blocked meanwhile. Where entries come several at a time, claims are
        ``gather_ms`` apart at least: each has its price, whatever it brings. One that comes alone waits for
        nothing. A drain lasts ``most_ms``, or else ``drain_ms``, at most.
        """
        self._store = store
        self._settings = settings
        self._streams = streams
        self._linger_ms = linger_ms
        self._most_ms = settings.drain_ms if most_ms is None else most_ms
        self._gather_s = gather_ms / 1000
        self._usual = 1.0
        self._claimed_s = self._looked_s = 0.0

    def drain(
        self, work: Callable[[list[Entry]], Sequence[Parts] | None], idle: Callable[[], None] | None = None
    ) -> Drained:
        """Have all entries worked on, for as long as a drain lasts or ``drain_items``.

        ``work`` may give commands that go along with noting that its entries are done. ``idle`` is called if
        none is left, before the last look: what it does so that a new entry wakes somebody cannot miss one.
        What ``work`` raises ends the drain; its entries are claimed again later.
        """
        until_s = time.monotonic() + self._most_ms / 1000
        count = 0
        entries = self.claim()
        while True:
            if not entries and idle:
                idle()
                entries = self.claim()
            if not entries:
                return Drained(count, more=False)
            also = work(entries)
            count += len(entries)
            left_s = until_s - time.monotonic()
            if count >= self._settings.drain_items or left_s <= 0:
                self.done(entries, also or ())
                return Drained(count, more=True)
            self._gather(len(entries), left_s)
            entries = self._next(entries, also or (), min(self._linger_ms, int(left_s * 1000)))

    def claim(self, most: int = _BATCH) -> list[Entry]:
        """Take entries whose claim lapsed and new ones, up to ``most`` of each.

        The lapsed come first and every time: a dead worker's results hold back those behind them in their
        sessions, however many new ones come.
        """
        try:
            return self._ask((), lapsed=True, most=most)
        except CommandError as error:
            if not _is_gone(error):
                raise
            self._make_groups()
            return self._ask((), lapsed=True, most=most)

    def done(self, entries: Sequence[Entry], also: Sequence[Parts] = ()) -> None:
        """Delete entries that were dealt with, in one round trip with other commands."""
        if entries:
            self._store.commands([*_deletion(entries), *also])

    def _gather(self, count: int, most_s: float) -> None:
        """Let some of what comes gather, if the last claim and those before it brought several at a time."""
        self._usual += (count - self._usual) * _WEIGHT
        # Redis has no claim that waits for several: one that blocks comes back with the first.
        wait_s = min(self._claimed_s + self._gather_s - time.monotonic(), most_s)
        if self._usual >= _SEVERAL and wait_s > 0:
            time.sleep(wait_s)

    def _next(self, entries: Sequence[Entry], also: Sequence[Parts], wait_ms: int) -> list[Entry]:
        """Delete what was dealt with and claim what is next, in one round trip; wait for it on wish."""
        due_s = self._looked_s + self._settings.claim_ms / 1000 / _LOOKS
        lapsed = time.monotonic() >= due_s
        try:
            return self._ask([*_deletion(entries), *also], lapsed=lapsed, wait_ms=0 if lapsed else wait_ms)
        except CommandError as error:
            if not _is_gone(error):
                raise
            return self.claim()

    def _ask(
        self, first: Sequence[Parts], *, lapsed: bool, wait_ms: int = 0, most: int = _BATCH
    ) -> list[Entry]:
        """Run commands, then claim."""
        settings, streams = self._settings, self._streams
        most = -(-most // len(streams))
        old: list[Parts] = []
        if lapsed:
            self._looked_s = time.monotonic()
            old = [
                ("XAUTOCLAIM", stream, _GROUP, _CONSUMER, settings.claim_ms, "0", "COUNT", most)
                for stream in streams
            ]
        wait: Parts = ("BLOCK", wait_ms) if wait_ms > 0 else ()
        new = ("XREADGROUP", "GROUP", _GROUP, _CONSUMER, "COUNT", most, *wait, "STREAMS", *streams)
        replies = self._store.commands([*first, *old, (*new, *(">" for _ in streams))])[len(first) :]
        self._claimed_s = time.monotonic()
        claimed = [(stream, reply[1]) for stream, reply in zip(streams, replies[: len(old)], strict=False)]
        claimed += [(text(stream), items) for stream, items in replies[-1] or ()]
        return [_entry(stream, raw) for stream, items in claimed for raw in items if raw[1]]

    def _make_groups(self) -> None:
        for stream in self._streams:
            try:
                self._store.command("XGROUP", "CREATE", stream, _GROUP, "0", "MKSTREAM")
            except CommandError as error:
                if "BUSYGROUP" not in str(error):
                    raise


def _is_gone(error: CommandError) -> bool:
    """Whether the group is not there, perhaps since the call was blocked on it."""
    return any(word in str(error) for word in ("NOGROUP", "UNBLOCKED"))


def _deletion(entries: Sequence[Entry]) -> list[Parts]:
    by_stream: dict[str, list[str]] = {}
    for entry in entries:
        by_stream.setdefault(entry.stream, []).append(entry.entry_id)
    # In this order: a deleted entry that is still claimed is forgotten by the next who claims it;
    # one acknowledged but not deleted would look undone for ever, to be claimed by nobody.
    return [
        command
        for stream, ids in by_stream.items()
        for command in (("XDEL", stream, *ids), ("XACK", stream, _GROUP, *ids))
    ]


def _entry(stream: str, raw: Any) -> Entry:
    entry_id, fields = raw
    pairs = zip(fields[::2], fields[1::2], strict=True)
    return Entry(text(entry_id), {text(name): text(value) for name, value in pairs}, stream)
