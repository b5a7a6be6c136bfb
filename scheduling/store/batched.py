"""The store of a gevent process: all its greenlets share one pipelined connection.

What is asked in the same turn of the event loop goes out as one write, and the hub, having read a
reply, switches straight to the greenlet that waits for it.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Self

from scheduling import scripts
from scheduling.errors import StoreBusy
from scheduling.scripts import Script
from scheduling.store.base import Part, Parts, Store
from scheduling.store.courier import Courier
from scheduling.store.endpoint import Endpoint
from scheduling.store.pending import Call, Unwaited
from scheduling.store.stats import StoreStats
from scheduling.store.unheard import Unheard
from scheduling.store.wire import by_digest, pack


class BatchedStore(Store):
    """A `scheduling.store.base.Store` for a process patched by gevent, used from one thread.

    It connects with its first call and belongs to the process that made it. Commands that block
    (``XREAD BLOCK``, ``BLPOP``) would hold up everybody's answers: who makes them needs a store of its own,
    whose ``timeout_s`` is longer than they block.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 2.0,
        max_pending: int = 20_000,
        max_pending_bytes: int = 256 * 1024 * 1024,
        client_name: str = "speech-dispatch-web",
        preload: Iterable[Script] | None = None,
    ) -> None:
        """Take a URL as `Endpoint` does.

        ``timeout_s`` is the time of a call (s), and how long the server may be silent while it owes
        an answer before the connection is given up. ``preload`` are the scripts that every connection
        begins with loading: all of them where it is None. Beyond ``max_pending`` calls or
        ``max_pending_bytes`` without an answer, every call raises `StoreBusy`.
        """
        self.stats = StoreStats()
        self._timeout_s = timeout_s
        self._max_pending = max_pending
        self._max_pending_bytes = max_pending_bytes
        preload = scripts.load_all().values() if preload is None else preload
        self._courier = Courier(Endpoint(url, client_name=client_name), timeout_s, self.stats, preload)

    @property
    def pending(self) -> int:
        """How many calls are without an answer."""
        return self._courier.waiting

    @property
    def unheard(self) -> Unheard:
        """The failures of calls nobody waited for."""
        return self._courier.unheard

    def call(
        self, script: Script, keys: Parts = (), args: Parts = (), *, timeout_s: float | None = None
    ) -> Any:
        """See `Store.call`."""
        return self._run(Call, script, keys, args, timeout_s).wait()

    def submit(
        self, script: Script, keys: Parts = (), args: Parts = (), *, timeout_s: float | None = None
    ) -> Call:
        """See `Store.submit`."""
        return self._run(Unwaited, script, keys, args, timeout_s)

    def calls(
        self, script: Script, requests: Sequence[tuple[Parts, Parts]], *, timeout_s: float | None = None
    ) -> list[Any]:
        """See `Store.calls`; only what needs it is repeated."""
        return _replies([self._run(Call, script, keys, args, timeout_s) for keys, args in requests])

    def command(self, *parts: Part, timeout_s: float | None = None, retry: bool = True) -> Any:
        """See `Store.command`."""
        return self._post(Call, parts, str(parts[0]), None, timeout_s, retry).wait()

    def submit_command(self, *parts: Part, timeout_s: float | None = None, retry: bool = True) -> Call:
        """See `Store.submit_command`."""
        return self._post(Unwaited, parts, str(parts[0]), None, timeout_s, retry)

    def commands(self, requests: Sequence[Parts], *, timeout_s: float | None = None) -> list[Any]:
        """See `Store.commands`; only what needs it is repeated."""
        return _replies([self._post(Call, parts, str(parts[0]), None, timeout_s, True) for parts in requests])

    def close(self) -> None:
        """See `Store.close`."""
        self._courier.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(
        self, kind: type[Call], script: Script, keys: Parts, args: Parts, timeout_s: float | None
    ) -> Call:
        return self._post(kind, by_digest(script, keys, args), script.name, script, timeout_s, True)

    def _post(
        self,
        kind: type[Call],
        parts: Parts,
        name: str,
        script: Script | None,
        timeout_s: float | None,
        may_repeat: bool,
    ) -> Call:
        courier = self._courier
        if courier.waiting >= self._max_pending or courier.waiting_bytes >= self._max_pending_bytes:
            self.stats.refusals += 1
            raise StoreBusy(f"{courier.waiting} calls ({courier.waiting_bytes} bytes) wait for an answer")
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        packed = pack(parts)
        call = kind(courier, packed, self.stats.waits_of(name), timeout_s, script, may_repeat)
        courier.post(call)
        self.stats.calls += 1
        return call


def _replies(calls: list[Call]) -> list[Any]:
    if calls:
        # Answers come in order: waiting for the last first saves a switch for each of the others.
        calls[-1].settle()
    return [call.wait() for call in calls]
