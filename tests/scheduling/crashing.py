"""A worker that is killed between two of its steps, and the time until others take over."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from scheduling.errors import CommandError, StoreError
from scheduling.store.plain import PlainStore


class Killed(BaseException):
    """Stands for SIGKILL: nobody may catch it, nothing is tidied up."""


class CrashingStore(PlainStore):
    """Interrupts its caller at a round trip: ends it there, or has something else happen meanwhile."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._left: int | None = None
        self._takes_effect = False
        self._action: Callable[[], object] = _die

    def kill_at(self, step: int, *, takes_effect: bool) -> None:
        """Kill at the step of this number, from 0 on, which the server may still do."""
        self._left, self._takes_effect, self._action = step, takes_effect, _die

    def stall_at(self, step: int, meanwhile: Callable[[], object]) -> None:
        """Have something happen before a step: to the caller the machine was just slow."""
        self._left, self._takes_effect, self._action = step, False, meanwhile

    def spare(self) -> None:
        """Let everything pass from now on."""
        self._left = None

    def call(self, *args: Any, **options: Any) -> Any:
        return self._step(super().call, *args, **options)

    def calls(self, *args: Any, **options: Any) -> Any:
        return self._step(super().calls, *args, **options)

    def command(self, *args: Any, **options: Any) -> Any:
        return self._step(super().command, *args, **options)

    def commands(self, *args: Any, **options: Any) -> Any:
        return self._step(super().commands, *args, **options)

    def _step(self, ask: Callable[..., Any], *args: Any, **options: Any) -> Any:
        if self._left is None:
            return ask(*args, **options)
        self._left -= 1
        if self._left >= 0:
            return ask(*args, **options)
        self._left = None
        if self._takes_effect:
            with suppress(StoreError):
                ask(*args, **options)
        self._action()
        return ask(*args, **options)


def _die() -> None:
    raise Killed


def lapse(store: PlainStore, stream: str) -> None:
    """Let as much time pass as a claim lasts, for what is claimed. The server's clock cannot be set."""
    with suppress(CommandError):
        pending = store.command("XPENDING", stream, "drain", "-", "+", 1000)
        ids = [entry[0] for entry in pending]
        if ids:
            store.command("XCLAIM", stream, "drain", "drain", 0, *ids, "IDLE", 3_600_000, "JUSTID")
