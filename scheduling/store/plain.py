"""A store that makes one round trip a call: for workers, command line tools and tests."""

import logging
import os
import time
from collections.abc import Sequence
from typing import Any, Self

from redis.exceptions import RedisError

from scheduling.errors import StoreError, StoreUnavailable
from scheduling.scripts import Script
from scheduling.store.backoff import delay_s
from scheduling.store.base import Part, Parts, Store
from scheduling.store.endpoint import Connection, Endpoint
from scheduling.store.line import NoAnswer, Setback, exchange
from scheduling.store.replies import Remedy
from scheduling.store.unheard import Unheard
from scheduling.store.wire import by_digest, in_full, pack

_log = logging.getLogger(__name__)

_SHORTEST_S = 0.001


class PlainStore(Store):
    """One round trip a call, on a connection of its own while it lasts; connections are kept.

    Threads may share it, and it survives a fork. It implements `scheduling.store.base.Store`.
    """

    def __init__(self, url: str, *, timeout_s: float = 2.0, client_name: str = "speech-dispatch") -> None:
        self.unheard = Unheard(_log)
        self._endpoint = Endpoint(url, client_name=client_name)
        self._timeout_s = timeout_s
        self._idle: list[Connection] = []
        self._owner = os.getpid()
        self._closed = False

    def call(
        self, script: Script, keys: Parts = (), args: Parts = (), *, timeout_s: float | None = None
    ) -> Any:
        """See `Store.call`."""
        return self._ask([by_digest(script, keys, args)], script, timeout_s)[0]

    def submit(
        self, script: Script, keys: Parts = (), args: Parts = (), *, timeout_s: float | None = None
    ) -> "Answered":
        """See `Store.submit`; here it is over when this returns."""
        return self._submit(by_digest(script, keys, args), script, timeout_s)

    def calls(
        self, script: Script, requests: Sequence[tuple[Parts, Parts]], *, timeout_s: float | None = None
    ) -> list[Any]:
        """See `Store.calls`; where one has to be repeated, all are."""
        asked = [by_digest(script, keys, args) for keys, args in requests]
        return self._ask(asked, script, timeout_s) if asked else []

    def command(self, *parts: Part, timeout_s: float | None = None, retry: bool = True) -> Any:
        """See `Store.command`."""
        return self._ask([parts], None, timeout_s, retry)[0]

    def submit_command(self, *parts: Part, timeout_s: float | None = None, retry: bool = True) -> "Answered":
        """See `Store.submit_command`; here it is over when this returns."""
        return self._submit(parts, None, timeout_s, retry)

    def commands(self, requests: Sequence[Parts], *, timeout_s: float | None = None) -> list[Any]:
        """See `Store.commands`; where one has to be repeated, all are."""
        return self._ask(requests, None, timeout_s) if requests else []

    def close(self) -> None:
        """See `Store.close`; a call that another thread is in ends as it would have."""
        self._closed = True
        self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _submit(
        self, request: Parts, script: Script | None, timeout_s: float | None, retry: bool = True
    ) -> "Answered":
        try:
            return Answered(self._ask([request], script, timeout_s, retry)[0], None, self.unheard)
        except StoreError as error:
            return Answered(None, error, self.unheard)

    def _ask(
        self, requests: Sequence[Parts], script: Script | None, timeout_s: float | None, retry: bool = True
    ) -> list[Any]:
        """Ask until there are answers, or no time, or an error for good."""
        packed = [pack(parts) for parts in requests]
        until_s = time.monotonic() + (self._timeout_s if timeout_s is None else timeout_s)
        tries, refusal, trouble = 0, None, None
        while True:
            try:
                return self._once(packed, until_s)
            except Setback as setback:
                tries += 1
                refusal = refusal if isinstance(setback, NoAnswer) else setback
                if trouble is None or time.monotonic() < until_s:
                    trouble = setback  # the last try has little time, and what it says is that it had
                pause_s = 0.0 if setback.remedy is Remedy.LOAD else delay_s(tries)
                if not _curable(setback, script, retry) or time.monotonic() + pause_s >= until_s:
                    raise (refusal or trouble).error(script) from setback
                if setback.remedy is Remedy.LOAD and script:
                    packed[0] = in_full(script, packed[0])  # which teaches it to the server for the rest
            time.sleep(pause_s)

    def _once(self, packed: list[bytes], until_s: float) -> list[Any]:
        connection = self._take(until_s)
        try:
            answers = exchange(connection, packed, until_s)
        except Setback as setback:
            if setback.remedy is Remedy.RECONNECT:
                connection.disconnect()
                self._endpoint.follow(setback.text)
            else:
                self._give_back(connection)
            raise
        self._give_back(connection)
        return answers

    def _take(self, until_s: float) -> Connection:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if self._owner != os.getpid():
            # After a fork: what is open belongs to the parent.
            self._idle, self._owner = [], os.getpid()
        if self._endpoint.may_have_moved and self._endpoint.has_moved():
            self._let_go()
        while (connection := _pop(self._idle)) is not None:
            if _is_open(connection):
                return connection
            connection.disconnect()
        try:
            return self._endpoint.open(max(until_s - time.monotonic(), _SHORTEST_S))
        except StoreUnavailable as error:
            raise NoAnswer(error, maybe_done=False) from error

    def _let_go(self) -> None:
        while (connection := _pop(self._idle)) is not None:
            connection.disconnect()

    def _give_back(self, connection: Connection) -> None:
        if self._closed:
            connection.disconnect()
        else:
            self._idle.append(connection)


class Answered:
    """A `scheduling.store.base.Pending` that is over."""

    def __init__(self, reply: Any, error: StoreError | None, unheard: Unheard) -> None:
        self._reply = reply
        self._error = error
        self._unheard = unheard
        self._seen = False

    def wait(self, timeout_s: float | None = None) -> Any:
        """See `Pending.wait`."""
        self._seen = True
        if self._error:
            raise self._error
        return self._reply

    def __del__(self) -> None:
        if self._error and not self._seen:
            self._unheard.add(self._error)


def _curable(setback: Setback, script: Script | None, retry: bool) -> bool:
    if setback.remedy is Remedy.NONE or (setback.remedy is Remedy.LOAD and script is None):
        return False
    return retry or not setback.maybe_done


def _pop(connections: list[Connection]) -> Connection | None:
    """Take the last one; threads may do so at the same time."""
    try:
        return connections.pop()
    except IndexError:
        return None


def _is_open(connection: Connection) -> bool:
    """Whether an idle connection can be used: what the server closed since reads as readable."""
    try:
        return not connection.can_read(0)
    except (RedisError, OSError):
        return False
