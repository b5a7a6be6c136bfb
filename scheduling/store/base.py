"""What the domain asks of a store, whichever way it is connected."""

from collections.abc import Sequence
from typing import Any, Protocol

from scheduling.scripts import Script

Part = str | bytes | int | float
"""One word of a command. Text is sent as UTF-8; replies always come back as bytes."""

Parts = Sequence[Part]


class Pending(Protocol):
    """A call that was made and not waited for."""

    def wait(self, timeout_s: float | None = None) -> Any:
        """Give its reply, once it is there.

        ``timeout_s`` may only shorten the time the call was given. Raises what `Store.call` would have.
        """


class Store(Protocol):
    """Redis or Valkey, for the keys of one cell.

    A reply has the types of RESP2: ``bytes``, ``int``, ``None``, or a list of them.

    Whatever is lost on the way (a connection, a reply, a server) is asked again until the time of the
    call is over, as every script gives the same answer and has no second effect when it runs twice.
    A command for which that is not so is called with ``retry=False``.

    Every method raises `StoreUnavailable`, `StoreTimeout`, `StoreBusy`, `StoreReadOnly` or
    `StoreOutOfMemory` of `scheduling.errors`; scripts also `ScriptError`, commands `CommandError`.
    A part that is no `Part` is a `TypeError`, before anything is sent.
    """

    def call(
        self, script: Script, keys: Parts = (), args: Parts = (), *, timeout_s: float | None = None
    ) -> Any:
        """Run a script and give its reply; ``timeout_s`` (s) is the store's own where it is None."""

    def submit(
        self, script: Script, keys: Parts = (), args: Parts = (), *, timeout_s: float | None = None
    ) -> Pending:
        """Run a script without waiting for it.

        What goes wrong after this returned is raised by ``wait``; if nobody waits, it is counted, and
        logged at most once a second.
        """

    def calls(
        self, script: Script, requests: Sequence[tuple[Parts, Parts]], *, timeout_s: float | None = None
    ) -> list[Any]:
        """Run a script for each of the keys and arguments, and give the replies; raises the first error.

        They are asked together, in one round trip.
        """

    def command(self, *parts: Part, timeout_s: float | None = None, retry: bool = True) -> Any:
        """Send a plain command and give its reply."""

    def submit_command(self, *parts: Part, timeout_s: float | None = None, retry: bool = True) -> Pending:
        """Send a plain command without waiting for it, as `submit` does."""

    def commands(self, requests: Sequence[Parts], *, timeout_s: float | None = None) -> list[Any]:
        """Send several commands together and give their replies; raises the first error among them.

        They are one round trip, not one transaction.
        """

    def close(self) -> None:
        """Let go of the connection; calls still waiting raise `StoreUnavailable`."""
