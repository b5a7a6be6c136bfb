"""The outbox: what scripts recorded for the background, taken under a lease and given back if not done.

A claimed entry that is not done within the claim time is claimed again by somebody else, so a killed
worker loses nothing; done entries are deleted, so a stream's length is what is still to do.
"""

from dataclasses import dataclass
from typing import Any

from scheduling.errors import CommandError
from scheduling.ledger.cell import text
from scheduling.store.base import Store

_GROUP = "drain"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to do."""

    entry_id: str
    fields: dict[str, str]


class Outbox:
    """One outbox stream, as one consumer sees it."""

    def __init__(self, store: Store, stream: str, consumer: str, claim_ms: int) -> None:
        self._store = store
        self._stream = stream
        self._consumer = consumer
        self._claim_ms = claim_ms

    def claim(self, most: int) -> list[Entry]:
        """Take up to ``most`` entries: new ones first, then those whose claim lapsed."""
        try:
            return self._new(most) or self._lapsed(most)
        except CommandError as error:
            if "NOGROUP" not in str(error):
                raise
            self._make_group()
            return self._new(most)

    def done(self, entries: list[Entry]) -> None:
        """Delete entries that were dealt with."""
        if entries:
            ids = [entry.entry_id for entry in entries]
            self._store.commands([("XACK", self._stream, _GROUP, *ids), ("XDEL", self._stream, *ids)])

    def _new(self, most: int) -> list[Entry]:
        reply = self._store.command(
            "XREADGROUP", "GROUP", _GROUP, self._consumer, "COUNT", most, "STREAMS", self._stream, ">"
        )
        return _entries(reply[0][1]) if reply else []

    def _lapsed(self, most: int) -> list[Entry]:
        reply = self._store.command(
            "XAUTOCLAIM", self._stream, _GROUP, self._consumer, self._claim_ms, "0", "COUNT", most
        )
        return _entries(reply[1])

    def _make_group(self) -> None:
        try:
            self._store.command("XGROUP", "CREATE", self._stream, _GROUP, "0", "MKSTREAM")
        except CommandError as error:
            if "BUSYGROUP" not in str(error):
                raise


def _entries(raw: list[Any]) -> list[Entry]:
    return [
        Entry(text(entry_id), {text(k): text(v) for k, v in zip(fields[::2], fields[1::2], strict=True)})
        for entry_id, fields in raw
        if fields
    ]
