"""A store that runs every script twice and lets nobody notice."""

from collections.abc import Callable, Sequence
from typing import Any

from scheduling.scripts import Script
from scheduling.store.base import Parts, Pending
from scheduling.store.plain import PlainStore
from tests.lua.dump import dump
from tests.lua.world import World

Scenario = Callable[[World], None]
#: What is tried twice, by the script that it must run.
SCENARIOS: list[tuple[str, Scenario]] = []


def scenario(script: str) -> Callable[[Scenario], Scenario]:
    """Register a scenario that must run ``script``."""

    def register(body: Scenario) -> Scenario:
        SCENARIOS.append((script, body))
        return body

    return register


class Over:
    """A call that is over."""

    def __init__(self, reply: Any) -> None:
        self._reply = reply

    def wait(self, timeout_s: float | None = None) -> Any:
        return self._reply


class TwiceStore:
    """Implements `Store`; fails where a second run answers otherwise or changes anything."""

    def __init__(self, inner: PlainStore, prefix: str) -> None:
        self._inner = inner
        self._prefix = prefix
        self.ran: set[str] = set()
        """Scripts that were tried so."""
        self.command = inner.command
        self.commands = inner.commands
        self.submit_command = inner.submit_command
        self.close = inner.close

    def call(
        self, script: Script, keys: Parts = (), args: Parts = (), *, timeout_s: float | None = None
    ) -> Any:
        first = self._inner.call(script, keys, args)
        before = dump(self._inner, self._prefix)
        second = self._inner.call(script, keys, args)
        after = dump(self._inner, self._prefix)
        self.ran.add(script.name)
        assert second == first, f"{script.name} answers otherwise when it is repeated"
        assert after == before, f"{script.name} has a second effect when it is repeated"
        return first

    def calls(
        self, script: Script, requests: Sequence[tuple[Parts, Parts]], *, timeout_s: float | None = None
    ) -> list[Any]:
        return [self.call(script, keys, args) for keys, args in requests]

    def submit(
        self, script: Script, keys: Parts = (), args: Parts = (), *, timeout_s: float | None = None
    ) -> Pending:
        return Over(self.call(script, keys, args))


def waiting(world: World) -> None:
    """Two jobs run on the two slots of ``n1``, three more wait."""
    world.ready("n1", slots=2)
    world.open()
    for number in range(5):
        world.reserve(f"j{number}")
