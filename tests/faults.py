"""A store between a caller and a real one that loses requests and replies by a seeded schedule.

What can happen to a call between two machines, each also in the middle of several calls made together:

* it is never sent: an error at once;
* it runs and its reply is lost: an error, and it has happened all the same;
* its reply is lost and it is asked again: it runs twice, and nobody is told;
* it is given up while it waits in the server's buffer: an error, and it runs later, after others;
* the server declines it: no memory, no writes, still loading.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum, auto
from random import Random
from typing import Any

from scheduling.errors import (
    StoreBusy,
    StoreError,
    StoreOutOfMemory,
    StoreReadOnly,
    StoreTimeout,
    StoreUnavailable,
)
from scheduling.scripts import Script
from scheduling.store.base import Part, Parts, Pending, Store

#: A call that runs later does so behind so many others, at most.
_MOST_BEHIND = 8


class Fault(Enum):
    """What becomes of one call."""

    UNSENT = auto()
    LOST_REPLY = auto()
    TWICE = auto()
    LATE = auto()
    REFUSED = auto()


class Faults:
    """The schedule: with the same seed and the same calls, the same faults."""

    def __init__(self, seed: int, rate: float = 0.3, kinds: Sequence[Fault] = tuple(Fault)) -> None:
        self._random = Random(seed)
        self._kinds = list(kinds)
        self.rate = rate
        """Share of calls that meet a fault; 0 ends them."""
        self.met: Counter[tuple[str, Fault]] = Counter()
        """Faults so far, by script or command."""

    def next(self, name: str) -> Fault | None:
        """Give what happens to the next call."""
        if self._random.random() >= self.rate:
            return None
        fault = self._random.choice(self._kinds)
        self.met[name, fault] += 1
        return fault

    def refusal(self) -> StoreError:
        """Give what a server says that is not well."""
        kinds = (StoreBusy, StoreOutOfMemory, StoreReadOnly, StoreUnavailable)
        return self._random.choice(kinds)("by schedule")

    def behind(self) -> int:
        """Give how many calls a late one lets pass."""
        return self._random.randint(1, _MOST_BEHIND)


class FaultyStore(Store):
    """Implements `Store` over any other one, plain or batched."""

    def __init__(self, inner: Store, faults: Faults) -> None:
        self.faults = faults
        self._inner = inner
        self._late: list[list[Any]] = []

    def call(
        self, script: Script, keys: Parts = (), args: Parts = (), *, timeout_s: float | None = None
    ) -> Any:
        return self._meet(script.name, lambda: self._inner.call(script, keys, args, timeout_s=timeout_s))

    def submit(
        self, script: Script, keys: Parts = (), args: Parts = (), *, timeout_s: float | None = None
    ) -> Pending:
        return self._submit(script.name, lambda: self._inner.call(script, keys, args, timeout_s=timeout_s))

    def calls(
        self, script: Script, requests: Sequence[tuple[Parts, Parts]], *, timeout_s: float | None = None
    ) -> list[Any]:
        """Each meets its own fate; the caller hears of the first error, as it would."""
        return self._each([lambda r=r: self.call(script, *r, timeout_s=timeout_s) for r in requests])

    def command(self, *parts: Part, timeout_s: float | None = None, retry: bool = True) -> Any:
        name = str(parts[0])
        return self._meet(name, lambda: self._inner.command(*parts, timeout_s=timeout_s, retry=retry), retry)

    def submit_command(self, *parts: Part, timeout_s: float | None = None, retry: bool = True) -> Pending:
        name = str(parts[0])
        return self._submit(
            name, lambda: self._inner.command(*parts, timeout_s=timeout_s, retry=retry), retry
        )

    def commands(self, requests: Sequence[Parts], *, timeout_s: float | None = None) -> list[Any]:
        return self._each([lambda r=r: self.command(*r, timeout_s=timeout_s) for r in requests])

    def close(self) -> None:
        self._inner.close()

    def calm(self) -> None:
        """End the faults; what was late runs now."""
        self.faults.rate = 0
        while self._late:
            _run_unheard(self._late.pop(0)[1])

    def _each(self, asks: list[Callable[[], Any]]) -> list[Any]:
        replies, errors = [], []
        for ask in asks:
            try:
                replies.append(ask())
            except StoreError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return replies

    def _meet(self, name: str, run: Callable[[], Any], retry: bool = True) -> Any:
        self._run_late()
        fault = self.faults.next(name)
        if fault is Fault.UNSENT:
            raise StoreUnavailable(f"{name} was not sent, by schedule")
        if fault is Fault.REFUSED:
            raise self.faults.refusal()
        if fault is Fault.LATE:
            self._late.append([self.faults.behind(), run])
            raise StoreTimeout(f"{name} was given up and runs later, by schedule")
        reply = run()
        if fault is Fault.LOST_REPLY:
            raise StoreTimeout(f"the reply of {name} was lost, by schedule")
        return run() if fault is Fault.TWICE and retry else reply

    def _submit(self, name: str, run: Callable[[], Any], retry: bool = True) -> Pending:
        try:
            return _Over(self._meet(name, run, retry))
        except StoreError as error:
            return _Over(None, error)

    def _run_late(self) -> None:
        for entry in list(self._late):
            entry[0] -= 1
            if entry[0] <= 0:
                self._late.remove(entry)
                _run_unheard(entry[1])


def _run_unheard(run: Callable[[], Any]) -> None:
    """Run what nobody waits for any more: an error reply is nobody's either."""
    with suppress(StoreError):
        run()


class _Over(Pending):
    """A call that is over."""

    def __init__(self, reply: Any, error: StoreError | None = None) -> None:
        self._reply = reply
        self._error = error

    def wait(self, timeout_s: float | None = None) -> Any:
        if self._error:
            raise self._error
        return self._reply


class PatientStore(FaultyStore):
    """Asks again for as long as it gets errors, as callers do that must not give up."""

    def _meet(self, name: str, run: Callable[[], Any], retry: bool = True) -> Any:
        while True:
            try:
                return super()._meet(name, run, retry)
            except StoreError:
                continue
