"""Audio in and speech out: stored once, by name, under a byte budget, on a connection of their own."""

from collections.abc import Sequence
from contextlib import suppress

from scheduling import scripts
from scheduling.along import Along
from scheduling.at_hand import AtHand
from scheduling.errors import StoreError
from scheduling.keys import Keys
from scheduling.ledger.codes import error_for
from scheduling.settings import Settings
from scheduling.store.base import Part, Parts, Pending, Store

#: Bodies that are given back by one call.
_GONE_AT_ONCE = 32
#: Bytes of bodies that this process will need in a moment.
_AT_HAND_BYTES = 16 * 1024 * 1024
#: Audio of dead letters takes this part of the budget at most: the rest is for what people say now.
KEPT_SHARE = 8


class PendingBody:
    """A body on its way to the store."""

    def __init__(self, pending: Pending) -> None:
        self._pending = pending

    def wait(self) -> None:
        """Return once it is stored. Raises `BodyBudgetSpent` and `StoreError`."""
        reply = self._pending.wait()
        if reply[0] < 0:
            raise error_for("put_body", reply)


class FetchedBody:
    """A body on its way from the store, or at hand."""

    def __init__(self, pending: Pending | str) -> None:
        self._pending = pending

    def wait(self) -> str | None:
        """Give it, None when it is not (or no longer) there. Raises `StoreError`."""
        if isinstance(self._pending, str):
            return self._pending
        data = self._pending.wait()
        return data.decode("ascii") if data is not None else None


class Bodies:
    """The bodies of one cell; ``store`` may be another, non-persistent server than the ledger's."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._keys = Keys(settings.cell)
        self._ttl_ms = settings.body_ttl_ms
        self._budget = settings.body_budget
        self._with_ledger = settings.body_url == settings.redis_url
        self._gone: list[str] = []
        self.at_hand = AtHand(_AT_HAND_BYTES)

    def along(self, name: str, data: str) -> Along | None:
        """Give base64 text to a script of the ledger to store, which spares a call of its own.

        None where bodies have a server of their own: then they are `put`.
        """
        if not self._with_ledger:
            return None
        keys = (self._keys.body_index, self._keys.body(name))
        return Along(name, keys, (data, self._ttl_ms, self._budget))

    def put(self, name: str, data: str) -> PendingBody:
        """Store base64 text; the caller goes on and waits when it must."""
        keys = [self._keys.cell, self._keys.body_index, self._keys.body(name)]
        args: list[Part] = [name, data, self._ttl_ms, self._budget]
        return PendingBody(self._store.submit(scripts.load("put_body"), keys, args))

    def forget(self, name: str) -> None:
        """Give a body's bytes back soon, together with others; not waited for.

        A `flush` must follow some time. Where the server cannot be reached, the body lapses.
        """
        self._gone.append(name)
        if len(self._gone) >= _GONE_AT_ONCE:
            with suppress(StoreError):
                self.flush()

    def flush(self) -> None:
        """Give back what was forgotten; not waited for. Raises `StoreError`."""
        gone, self._gone = self._gone, []
        for first in range(0, len(gone), _GONE_AT_ONCE):
            keys, args = self._to_drop(gone[first : first + _GONE_AT_ONCE])
            self._store.submit(scripts.load("drop_body"), keys, args)

    def get(self, name: str) -> str | None:
        """Give a body, None when it is not (or no longer) there. Raises `StoreError`."""
        return self.fetch(name).wait()

    def fetch(self, name: str) -> "FetchedBody":
        """Ask for a body; the caller goes on and waits when it must. Raises `StoreError`."""
        at_hand = self.at_hand.take(name)
        return FetchedBody(at_hand or self._store.submit_command("GET", self._keys.body(name)))

    def keep(self, name: str, ttl_ms: int) -> bool:
        """Keep a body for so long from now (ms); False when it is gone or there is no room for it.

        Raises `StoreError`.
        """
        keys = [self._keys.cell, self._keys.body_index, self._keys.body(name)]
        args: list[Part] = [name, ttl_ms, self._budget // KEPT_SHARE]
        return bool(self._store.call(scripts.load("keep_body"), keys, args)[0])

    def sizes(self, names: Sequence[str]) -> list[int]:
        """Give the bytes of each body, decoded; 0 for one that is not there. Raises `StoreError`."""
        keys = [self._keys.body(name) for name in names]
        asked = [part for key in keys for part in (("STRLEN", key), ("GETRANGE", key, -2, -1))]
        found = self._store.commands(asked)
        return [
            length * 3 // 4 - end.count(b"=") for length, end in zip(found[::2], found[1::2], strict=True)
        ]

    def drop_all(self, names: Sequence[str]) -> None:
        """Give the bytes of several back at once, in one round trip. Raises `StoreError`."""
        groups = [names[first : first + _GONE_AT_ONCE] for first in range(0, len(names), _GONE_AT_ONCE)]
        self._store.calls(scripts.load("drop_body"), [self._to_drop(group) for group in groups])

    def drop(self, name: str, after_ms: int = 0) -> Pending:
        """Give a body's bytes back to the budget, at once or in a while (ms); not waited for."""
        keys, args = self._to_drop([name], after_ms)
        return self._store.submit(scripts.load("drop_body"), keys, args)

    def _to_drop(self, names: Sequence[str], after_ms: int = 0) -> tuple[Parts, Parts]:
        keys = [self._keys.cell, self._keys.body_index, *map(self._keys.body, names)]
        return keys, [after_ms, *names]
