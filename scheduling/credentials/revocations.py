"""Whom credentials were taken away from: kept in Redis, where every web process looks each second."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from scheduling.credentials.identity import Identity
from scheduling.credentials.refusal import FORBIDDEN, Refusal
from scheduling.keys import Keys
from scheduling.ledger.cell import text
from scheduling.store.base import Store

#: One credential by its id, or everything of a subject, a tenant, a key, or a node id.
Kind = Literal["credential", "subject", "tenant", "key", "node"]
KINDS: Final[tuple[Kind, ...]] = ("credential", "subject", "tenant", "key", "node")
_SAID: Final = {
    "credential": "This credential was revoked",
    "subject": "The owner of this credential was banned",
    "tenant": "This tenant was banned",
    "key": "The key of this credential was revoked",
    "node": "This node was banned",
}
#: Field that counts the changes; no kind is called so.
_VERSION: Final = "version"


@dataclass(frozen=True, slots=True)
class Entry:
    """One revocation; times in ms of Unix time, ``until_ms`` None for ever."""

    kind: str
    name: str
    reason: str
    at_ms: int
    until_ms: int | None = None

    def text(self) -> str:
        """Write what is kept under its field."""
        return json.dumps({"reason": self.reason, "at_ms": self.at_ms, "until_ms": self.until_ms})


@dataclass(frozen=True, slots=True)
class Revocations:
    """What was revoked, as read at one moment."""

    version: int = 0
    entries: Mapping[tuple[str, str], Entry] = field(default_factory=dict)

    def entry_for(self, identity: Identity, node_id: str = "") -> Entry | None:
        """Give the revocation that hits somebody; None when there is none."""
        if not self.entries:
            return None
        named = (
            ("credential", identity.credential), ("subject", identity.subject), ("tenant", identity.tenant),
            ("key", identity.key), ("node", node_id or identity.node_id),
        )  # fmt: skip
        now_ms = time.time() * 1000
        for place in named:
            entry = self.entries.get(place) if place[1] else None
            if entry and (entry.until_ms is None or now_ms < entry.until_ms):
                return entry
        return None

    def require(self, identity: Identity, node_id: str = "") -> None:
        """Raise `Refusal` when it was revoked."""
        if entry := self.entry_for(identity, node_id):
            why = f": {entry.reason}" if entry.reason else "."
            raise Refusal("revoked", f"{_SAID[entry.kind]} by an operator{why}", FORBIDDEN)


class RevocationList:
    """The list in Redis. All methods raise `StoreError`."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._key = keys.revoked

    def version(self) -> int:
        """Give the number of changes so far; 0 for an empty list."""
        return int(text(self._store.command("HGET", self._key, _VERSION)) or 0)

    def read(self) -> Revocations:
        """Read all of it; what has lapsed is taken out."""
        found = [text(word) for word in self._store.command("HGETALL", self._key)]
        fields = dict(zip(found[::2], found[1::2], strict=True))
        version = int(fields.pop(_VERSION, 0))
        entries = list(filter(None, (_entry(place, value) for place, value in fields.items())))
        now_ms = time.time() * 1000
        lapsed = [entry for entry in entries if entry.until_ms is not None and entry.until_ms < now_ms]
        if lapsed:
            self._store.command("HDEL", self._key, *(f"{entry.kind}:{entry.name}" for entry in lapsed))
        return Revocations(
            version, {(entry.kind, entry.name): entry for entry in entries if entry not in lapsed}
        )

    def add(self, *entries: Entry) -> None:
        """Put entries in place; who looks at the version alone sees it change afterwards."""
        words = [word for entry in entries for word in (f"{entry.kind}:{entry.name}", entry.text())]
        if words:
            self._store.commands([("HSET", self._key, *words), ("HINCRBY", self._key, _VERSION, 1)])

    def remove(self, kind: str, name: str) -> bool:
        """Take one out; False when it was not there."""
        taken, _ = self._store.commands(
            [("HDEL", self._key, f"{kind}:{name}"), ("HINCRBY", self._key, _VERSION, 1)]
        )
        return bool(taken)


def _entry(place: str, value: str) -> Entry | None:
    kind, _, name = place.partition(":")
    try:
        data: dict[str, Any] = json.loads(value)
        until_ms = data.get("until_ms")
        ends = None if until_ms is None else int(until_ms)
        return Entry(kind, name, str(data.get("reason", "")), int(data["at_ms"]), ends)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        # Written by hand (HSET … credential:ID 1): it holds all the same.
        return Entry(kind, name, "", 0) if kind in KINDS else None
