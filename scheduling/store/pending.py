"""A call on its way: what was asked, until when, and who waits for the answer."""

import sys
from time import monotonic
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent, greenlet

from scheduling.errors import StoreError
from scheduling.scripts import Script
from scheduling.store.stats import Waits

if TYPE_CHECKING:
    from scheduling.store.courier import Courier


class Call:
    """A `scheduling.store.base.Pending`, to be waited for by one greenlet.

    Waiting costs two switches: from the caller to the hub, and back when the hub has read the reply.
    """

    __slots__ = (
        "_courier",
        "_greenlet",
        "asked_s",
        "done",
        "error",
        "may_repeat",
        "packed",
        "reply",
        "script",
        "seen",
        "sent_s",
        "setback",
        "size",
        "tries",
        "until_s",
        "waits",
    )

    def __init__(
        self,
        courier: "Courier",
        packed: bytes,
        waits: Waits,
        timeout_s: float,
        script: Script | None,
        may_repeat: bool,
    ) -> None:
        self.packed = packed
        self.size = len(packed)
        self.waits = waits
        self.script = script
        self.may_repeat = may_repeat
        """Whether it may be sent again when it is unknown whether it took place."""
        self.asked_s = self.sent_s = monotonic()
        self.until_s = self.asked_s + timeout_s
        self.tries = 0
        self.done = False
        self.reply: Any = None
        self.error: StoreError | None = None
        self.setback: StoreError | None = None
        """What the server said last, if it was not an answer."""
        self.seen = False
        """Whether somebody asked how it went."""
        self._courier = courier
        self._greenlet: greenlet | None = None

    def wait(self, timeout_s: float | None = None) -> Any:
        """See `Pending.wait`."""
        if timeout_s is not None:
            self.until_s = min(self.until_s, monotonic() + timeout_s)
            self._courier.heed(self.until_s)
        self.settle()
        if self.error is not None:
            raise self.error
        return self.reply

    def settle(self) -> None:
        """Wait until it is over, whichever way."""
        self.seen = True
        if self.done:
            return
        if self._greenlet is not None:
            raise RuntimeError("another greenlet waits for this call already")
        self._greenlet = getcurrent()
        try:
            while not self.done:
                self._courier.hub.switch()
        finally:
            # Ended from outside or not: a reply that comes later must not wake this greenlet.
            self._greenlet = None

    def finish(self, reply: Any, error: StoreError | None) -> None:
        """End it and run the greenlet that waits, if one does; only the hub may do so."""
        self.reply, self.error, self.done = reply, error, True
        self.packed = b""
        waiter = self._greenlet
        if waiter is not None:
            try:
                waiter.switch()
            except BaseException:  # noqa: BLE001 (what it raised is its own affair, as anywhere in gevent)
                self._courier.hub.handle_error(waiter, *sys.exc_info())


class Unwaited(Call):
    """A call that perhaps nobody waits for: if it fails unseen, it is counted."""

    __slots__ = ()

    def __del__(self) -> None:
        if self.error is not None and not self.seen:
            self._courier.unheard.add(self.error)
