"""Wrong credentials of an address: so many are told apart in a minute, then it is asked to wait."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable

from scheduling.logs import Sparing
from web.buckets import Buckets

_log = logging.getLogger(__name__)

_MINUTE_S = 60.0
#: Wrong credentials that are known again; each takes some 100 bytes.
_MOST_KNOWN = 10_000


class Guesses:
    """Token buckets of addresses; only those used last are kept.

    What is wrong is wrong however often it is shown: a node with an old token, or a page left open, asks for
    ever and learns nothing. So the same one counts once, and nobody behind the same address is harmed by it.
    """

    def __init__(self, most_per_min: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = most_per_min / _MINUTE_S
        self._buckets = Buckets(float(most_per_min), clock=clock)
        # Their salted hashes: nothing that a dump of the memory would give away.
        self._known: OrderedDict[int, None] = OrderedDict()
        self._told = Sparing(_log, most_per_s=1)

    def wait_s(self, address: str) -> float:
        """How long until a guess of this address is looked at, s; 0 when it is now."""
        return self._buckets.wait_s(address, self._per_s) if self._per_s else 0.0

    def note(self, address: str, wrong: str) -> float:
        """Count a credential that was wrong: 0; or how long its address has to wait, s."""
        if not self._per_s:
            return 0.0
        name = hash(wrong)
        if name in self._known:
            self._known.move_to_end(name)
            return self.wait_s(address)
        if wait_s := self._buckets.take(address, self._per_s):
            # It was not looked at, as far as it could have been guessed: it may be right.
            self._told.info(f"too many wrong credentials come from {address}")
            return wait_s
        self._known[name] = None
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return 0.0
