"""Brings calls to the server and answers back, whatever happens to connections on the way."""

import logging
from collections.abc import Iterable
from math import inf
from time import monotonic
from typing import Any

import gevent
from gevent import monkey
from gevent.hub import Hub, get_hub

from scheduling.errors import StoreError, StoreTimeout, StoreUnavailable
from scheduling.scripts import Script
from scheduling.store import replies
from scheduling.store.backoff import delay_s
from scheduling.store.endpoint import Endpoint
from scheduling.store.link import Link
from scheduling.store.pending import Call
from scheduling.store.replies import ErrorReply, Remedy
from scheduling.store.stats import StoreStats
from scheduling.store.unheard import Unheard
from scheduling.store.wire import in_full, pack

_log = logging.getLogger(__name__)

_TICK_S, _TICKS = 0.02, 100
"""How exactly time-outs are kept: to so many s, or to such a share. A timer for each would cost more."""

_LASTING_S = 1.0
"""A connection that lasted so long is replaced at once, after any other there is a growing pause."""


class Courier:
    """A call is in one of three places: to be sent, in flight, or put off for a moment.

    Everything that may end a call runs in the hub, as ending it runs the greenlet that waits for it.
    """

    def __init__(
        self, endpoint: Endpoint, timeout_s: float, stats: StoreStats, preload: Iterable[Script]
    ) -> None:
        self.waiting = 0
        """Calls without an answer."""
        self.waiting_bytes = 0
        """Their size together, as sent."""
        self.unheard = Unheard(_log)
        self._endpoint = endpoint
        self._patience_s = timeout_s
        self._stats = stats
        self._greeting = [pack(("SCRIPT", "LOAD", script.source)) for script in preload]
        self._hub: Hub | None = None
        self._link: Link | None = None
        self._outbox: list[Call] = []
        self._later: list[Call] = []
        self._flush_due = self._ticking = self._closed = self._connecting = self._looking = False
        self._soonest_s = inf
        self._failures = 0
        self._trouble = "not connected yet"

    @property
    def hub(self) -> Hub:
        """The event loop it lives in: that of the first call, so that it may be made before a fork."""
        if self._hub is None:
            if not monkey.is_module_patched("socket"):
                raise RuntimeError("this store needs a process patched by gevent.monkey.patch_all()")
            self._hub = get_hub()
            tick_s = max(_TICK_S, self._patience_s / _TICKS)
            self._ticker = self._hub.loop.timer(tick_s, tick_s)
        return self._hub

    def post(self, call: Call) -> None:
        """Send a call with all others of this turn of the loop."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        self.waiting += 1
        self.waiting_bytes += call.size
        self._outbox.append(call)
        self._flush_soon()
        if call.until_s < self._soonest_s:
            self._soonest_s = call.until_s
        if not self._ticking:
            self._ticking = True
            self._ticker.start(self._tick)

    def heed(self, until_s: float) -> None:
        """Take note that a call was given less time."""
        self._soonest_s = min(self._soonest_s, until_s)

    def close(self) -> None:
        """Let go of the connection and end what waits."""
        self._closed = True
        if self._link:
            self._link.close()
        if self._hub:
            self._hub.loop.run_callback(self._end)

    def _end(self) -> None:
        self._ticker.stop()
        self._ticker.close()
        for call in self._everywhere():
            self._finish(call, None, StoreUnavailable("the store was closed"))

    def _everywhere(self) -> list[Call]:
        inflight = self._link.inflight if self._link else ()
        return [call for calls in (inflight, self._outbox, self._later) for call in calls if not call.done]

    # Sending

    def _flush_soon(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self.hub.loop.run_callback(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if self._closed:
            return
        if self._link is None:
            self._connect_soon()
            return
        calls = [call for call in self._outbox if not call.done]
        self._outbox.clear()
        if calls:
            self._stats.flushes += 1
            self._link.send(calls)
        if self._endpoint.may_have_moved and not self._looking:
            self._looking = True
            gevent.spawn(self._look, self._link)

    def _look(self, link: Link) -> None:
        """Leave a master that the Sentinels have replaced, though it still answers."""
        try:
            if self._endpoint.has_moved():
                error = StoreUnavailable("the Sentinels name another master")
                self.hub.loop.run_callback(self._lost, link, error)
        finally:
            self._looking = False

    def _connect_soon(self) -> None:
        if not self._connecting:
            self._connecting = True
            gevent.spawn(self._connect)

    def _connect(self) -> None:
        try:
            while self.waiting and not self._closed and self._link is None:
                if self._failures:
                    gevent.sleep(delay_s(self._failures))
                self._try_to_connect()
        finally:
            self._connecting = False

    def _try_to_connect(self) -> None:
        try:
            connection = self._endpoint.open(self._patience_s)
        except StoreUnavailable as error:
            self._failures += 1
            self._trouble = str(error)
            return
        if self._closed:
            connection.disconnect()
            return
        self._stats.connects += 1
        self._link = Link(connection, self.hub, self._greeting, self._answered, self._lost)
        self._flush_soon()

    # Answers

    def _answered(self, link: Link, call: Call, reply: Any) -> None:
        if call.done:
            return
        if type(reply) is ErrorReply:
            self._refused(link, call, reply)
            return
        now_s = monotonic()
        call.waits.link.add(link.heard_s - call.sent_s)
        call.waits.loop.add(call.sent_s - call.asked_s + now_s - link.heard_s)
        self._finish(call, reply, None)

    def _refused(self, link: Link, call: Call, reply: str) -> None:
        error, remedy = replies.error_for(reply, call.script), replies.remedy_for(reply)
        if remedy is Remedy.NONE or (remedy is Remedy.LOAD and call.script is None):
            self._finish(call, None, error)
            return
        self._stats.repeats += 1
        call.setback = error
        call.tries += 1
        if remedy is Remedy.LOAD and call.script:
            call.packed = in_full(call.script, call.packed)
            self._outbox.append(call)
            self._flush_soon()
        elif remedy is Remedy.LATER:
            self._put_off(call)
        else:
            self._endpoint.follow(reply)
            self._outbox.append(call)
            self._lost(link, error)

    def _put_off(self, call: Call) -> None:
        """Ask again in a moment, together with all others that were told to come back."""
        self._later.append(call)
        if len(self._later) == 1:
            gevent.spawn_later(delay_s(call.tries), self._ask_again)

    def _ask_again(self) -> None:
        self._outbox += self._later
        self._later.clear()
        self._flush_soon()

    def _lost(self, link: Link, error: Exception) -> None:
        """Discard a connection; what was in flight goes out on the next one, where that is harmless."""
        if not link.is_open:
            return
        link.close()
        self._link = None
        self._stats.losses += 1
        lasted = monotonic() - link.opened_s >= _LASTING_S
        self._failures = 0 if lasted else self._failures + 1
        self._trouble = f"the connection was lost: {error}"
        _log.warning("store: %s; %d calls were in flight", self._trouble, len(link.inflight))
        lost = [call for call in link.inflight if not call.done]
        again = [call for call in lost if call.may_repeat]
        self._stats.repeats += len(again)
        self._outbox[:0] = again
        self._flush_soon()
        for call in lost:
            if not call.may_repeat:
                self._finish(call, None, StoreUnavailable(self._trouble))

    def _finish(self, call: Call, reply: Any, error: StoreError | None) -> None:
        self.waiting -= 1
        self.waiting_bytes -= call.size
        call.finish(reply, error)

    # Time

    def _tick(self) -> None:
        if monotonic() >= self._soonest_s:
            if self._link:
                # When this process was held up, answers may be lying there: they count.
                self._link.read()
            self._expire(monotonic())
        if self._link and self._link.silent_s() >= self._patience_s:
            # Not with every time-out: the calls behind a slow one would make it start anew for ever.
            self._lost(self._link, StoreTimeout(f"silent for {self._patience_s} s"))
        if not self.waiting and not (self._link and self._link.inflight):
            self._ticking = False
            self._ticker.stop()

    def _expire(self, now_s: float) -> None:
        """End the calls whose time is over."""
        late = [call for call in self._everywhere() if call.until_s <= now_s]
        self._outbox = [call for call in self._outbox if now_s < call.until_s]
        self._later = [call for call in self._later if now_s < call.until_s]
        self._soonest_s = min(
            (call.until_s for call in self._everywhere() if now_s < call.until_s), default=inf
        )
        for call in late:
            self._stats.timeouts += 1
            self._finish(call, None, call.setback or self._lateness(call))

    def _lateness(self, call: Call) -> StoreError:
        if self._link is None:
            return StoreUnavailable(self._trouble)
        name = call.script.name if call.script else "the command"
        return StoreTimeout(f"no answer to {name} within {call.until_s - call.asked_s:.3g} s")
