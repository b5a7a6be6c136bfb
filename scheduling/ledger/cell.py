"""Calling the scripts of one cell: opens it when it is empty, turns result codes into errors."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from scheduling import scripts, tracing
from scheduling.keys import SCHEMA, Keys
from scheduling.ledger.codes import CellClosed, error_for
from scheduling.settings import SCRIPT_LIMITS, Settings
from scheduling.store.base import Part, Pending, Store


class Cell:
    """All scripts of one cell over one store; safe to share between greenlets if the store is."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self.keys = Keys(settings.cell)
        self.epoch = ""
        """Changes only when the cell lost all its keys."""

    def open(self) -> str:
        """Write the limits in force and give the epoch. Raises `SchemaMismatch` and `StoreError`."""
        limits: list[Part] = []
        for name in SCRIPT_LIMITS:
            limits += [name, getattr(self.settings, name)]
        reply = self.store.call(
            scripts.load("open_cell"), [self.keys.cell], [uuid4().hex[:16], SCHEMA, *limits]
        )
        self.epoch = _checked("open_cell", reply)[1].decode()
        return self.epoch

    def call(
        self, name: str, keys: Sequence[Part], args: Sequence[Part], *, timeout_s: float | None = None
    ) -> list[Any]:
        """Run a script whose first key is the cell's root. Raises `LedgerError` and `StoreError`.

        ``timeout_s`` (s) is the store's own where it is None.
        """
        script = scripts.load(name)
        all_keys = [self.keys.cell, *keys]
        try:
            if tracing.on:
                with tracing.step(f"script {name}"):
                    return _checked(name, self.store.call(script, all_keys, args, timeout_s=timeout_s))
            return _checked(name, self.store.call(script, all_keys, args, timeout_s=timeout_s))
        except CellClosed:
            self.open()
            return _checked(name, self.store.call(script, all_keys, args, timeout_s=timeout_s))

    def calls(self, name: str, requests: Sequence[tuple[Sequence[Part], Sequence[Part]]]) -> list[list[Any]]:
        """Do the same for several keys and arguments, in one round trip."""
        script = scripts.load(name)
        asked = [([self.keys.cell, *keys], args) for keys, args in requests]
        try:
            return [_checked(name, reply) for reply in self.store.calls(script, asked)]
        except CellClosed:
            self.open()
            return [_checked(name, reply) for reply in self.store.calls(script, asked)]

    def submit(self, name: str, keys: Sequence[Part], args: Sequence[Part]) -> Pending:
        """Run a script and do not wait; its result code is not looked at."""
        return self.store.submit(scripts.load(name), [self.keys.cell, *keys], args)


def _checked(name: str, reply: list[Any]) -> list[Any]:
    if reply[0] < 0:
        raise error_for(name, reply)
    return reply


def text(value: bytes | None) -> str:
    """Decode one member of a reply."""
    return value.decode() if value else ""
