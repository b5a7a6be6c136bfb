"""What this process refuses by itself: connections of an address or tenant, guesses; counts of all."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from scheduling.limits import Limits, LimitTable
from scheduling.settings import Settings
from web.addresses import address_of
from web.buckets import Bucket, Buckets
from web.connection import Connection
from web.guesses import Guesses
from web.refused import Refused, over_limit
from web.spreading import spread

#: Connections that may come at once, for each that may come in a second: they do come in crowds.
_BURST = 10.0
#: Who has as many connections open as may be is asked back after this time, ms.
_SOON_MS = 5_000
_CODES_IN_S = 60.0


class Limiter:
    """One object for all of the process; its counts start with it."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.table = LimitTable(settings)
        self.refused: Counter[str] = Counter()
        """What was refused, or held back, by the name of the limit (docs/limits.md)."""
        self.codes = CodeTries(settings.code_tries, settings.peer_code_tries, clock)
        self.guesses = Guesses(settings.peer_guesses, clock)
        self._proxies = settings.proxies
        self._most_open = settings.peer_connections
        self._per_s = settings.peer_connections_per_s
        self._open: Counter[str] = Counter()
        self._addresses = Buckets(max(1.0, _BURST * self._per_s), clock=clock)
        self._tenants: dict[float, Buckets] = {}
        self._clock = clock

    def address_of(self, environ: Mapping[str, Any]) -> str:
        """Give the address a request comes from."""
        return address_of(environ, self._proxies)

    def note_held_back(self, _late_s: float) -> None:
        """Count that a socket was not read from for a while, because it said too much."""
        self.refused["messages"] += 1

    def ask(self, environ: Mapping[str, Any]) -> None:
        """Count a request of an address that is as dear as a connection. Raises `Refused`."""
        if self._per_s and (wait_s := self._addresses.take(self.address_of(environ), self._per_s)):
            raise self.over("peer_connections_per_s", spread(1000 * wait_s))

    def enter(self, environ: Mapping[str, Any]) -> None:
        """Let a socket in, which has to `leave`. Raises `Refused`."""
        self.ask(environ)
        if self._most_open:
            address = self.address_of(environ)
            if self._open[address] >= self._most_open:
                raise self.over("peer_connections", spread(_SOON_MS))
            self._open[address] += 1

    def leave(self, environ: Mapping[str, Any]) -> None:
        """Note that a socket which was let in has ended."""
        if self._most_open:
            address = self.address_of(environ)
            self._open[address] -= 1
            if self._open[address] <= 0:
                del self._open[address]

    def open_session(self, tenant: str, limits: Limits, *, resumes: bool) -> None:
        """Count a session that a tenant opens. Raises `Refused`, but not for one that may be resumed.

        Else those of a process that restarts could not come back as fast as their sessions lapse.
        """
        per_s = limits.connections_per_s
        if not per_s or resumes:
            return
        if wait_s := self._tenant_buckets(per_s).take(tenant, per_s):
            raise self.over("tenant_connections", spread(1000 * wait_s))

    def charge_session(self, tenant: str, limits: Limits) -> None:
        """Count a session that was to be resumed and is a new one after all."""
        if per_s := limits.connections_per_s:
            self._tenant_buckets(per_s).charge(tenant)

    def over(self, limit: str, retry_after_ms: int) -> Refused:
        """Count what a limit refuses; gives what to raise."""
        self.refused[limit] += 1
        return over_limit(limit, retry_after_ms)

    def _tenant_buckets(self, per_s: float) -> Buckets:
        if per_s not in self._tenants:
            self._tenants[per_s] = Buckets(max(1.0, _BURST * per_s), clock=self._clock)
        return self._tenants[per_s]


class CodeTries:
    """Wrong room and pairing codes: of a socket, and of all sockets of an address.

    Who has sent too many is not looked at any more, right or wrong: an answer would be worth a try. A code
    counts from before it is looked up, so that many sockets asking at once gain nothing, until it was right.
    """

    def __init__(self, of_socket: int, of_address: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._per_s = float(of_socket), of_socket / _CODES_IN_S
        self._address_per_s = of_address / _CODES_IN_S
        self._clock = clock
        self._addresses = Buckets(float(of_address), clock=clock)
        self._sockets: WeakKeyDictionary[Connection, Bucket] = WeakKeyDictionary()

    def begin(self, connection: Connection, address: str) -> int:
        """Count a code as wrong: 0; or say how long none is looked at, ms."""
        bucket = self._sockets.setdefault(connection, Bucket(self._most, self._clock()))
        socket_s = bucket.wait_s(self._clock(), self._per_s, self._most)
        wait_s = max(socket_s, self._addresses.wait_s(address, self._address_per_s))
        if wait_s:
            return max(1, round(1000 * wait_s))
        bucket.tokens -= 1
        self._addresses.charge(address)
        return 0

    def was_right(self, connection: Connection, address: str) -> None:
        """Count it no longer."""
        self._addresses.give_back(address)
        if bucket := self._sockets.get(connection):
            bucket.tokens += 1
