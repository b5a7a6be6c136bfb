"""Publishing to Celery: coalesced, by one supervised greenlet, so that no request waits for a broker."""

import logging
from typing import Literal

import gevent
from celery import Celery
from gevent.event import Event

from tasks.names import CONTROL, DRAIN
from tasks.wakeups import Wakeups

Broker = Literal["ok", "unreachable", "silent"]

_log = logging.getLogger(__name__)

#: Last resort, s: each step has a shorter time-out of its own, but a name server has none.
_LONGEST_S = 10.0
#: After a failure, how long until the next try, s.
_PAUSE_S = 1.0
#: With nothing to publish, how often the broker is looked at, s.
_LOOK_S = 5.0


class Publisher:
    """Wake-ups wait in a set, each at most once, until they are published or given up.

    A lost one is repeated by the sweeper while there is something to do, so nothing is kept here when the
    broker fails.
    """

    def __init__(self, app: Celery) -> None:
        self._wakeups = Wakeups(app)
        self._wanted: dict[tuple[str, tuple[int, ...], str], None] = {}
        self._there_is_work = Event()
        self._failures_in_a_row = 0
        self.broker: Broker = "ok"
        """``silent``: so many messages wait there that nobody seems to take them."""
        self.published = 0
        self.failed = 0

    @property
    def heard(self) -> bool:
        """Whether a worker is likely to hear what is published."""
        return self.broker == "ok"

    @property
    def waiting(self) -> dict[str, int]:
        """Messages in each of Celery's queues when this process looked last."""
        return self._wakeups.waiting

    def wake(self, task: str, queue: str, *args: int) -> None:
        """Ask for a task to be published; asking again before it was changes nothing. Never waits."""
        self._wanted[task, args, queue] = None
        self._there_is_work.set()

    def run(self) -> None:
        """Publish for ever."""
        try:
            while True:
                self._there_is_work.wait(_LOOK_S)
                self._there_is_work.clear()
                if not (self._publish() if self._wanted else self._look()):
                    gevent.sleep(_PAUSE_S)
        finally:
            self._wakeups.close()

    def _publish(self) -> bool:
        """Publish what is wanted; False when the broker failed."""
        wanted, self._wanted = self._wanted, {}
        try:
            with gevent.Timeout(_LONGEST_S):
                taken = [self._wakeups.send(task, queue, args) for task, args, queue in wanted]
        except (gevent.Timeout, Exception) as error:  # noqa: BLE001  # whatever the broker's client raises
            self.failed += 1
            self._note_failure(error)
            return False
        self.published += sum(taken)
        self._note_success(is_taken=all(taken))
        return True

    def _look(self) -> bool:
        """Look whether the broker is there and somebody takes what it has; False when it failed."""
        try:
            with gevent.Timeout(_LONGEST_S):
                has_room = self._wakeups.has_room(DRAIN)
                self._wakeups.has_room(CONTROL)  # only to know how much waits there
        except (gevent.Timeout, Exception) as error:  # noqa: BLE001  # whatever the broker's client raises
            self._note_failure(error)
            return False
        self._note_success(is_taken=has_room)
        return True

    def _note_failure(self, error: BaseException) -> None:
        self.broker = "unreachable"
        self._failures_in_a_row += 1
        if self._failures_in_a_row == 1:
            _log.warning("the broker takes no messages (%s); results go on without workers", error)

    def _note_success(self, *, is_taken: bool) -> None:
        self.broker = "ok" if is_taken else "silent"
        if self._failures_in_a_row:
            _log.info("the broker takes messages again, after %d failures", self._failures_in_a_row)
            self._failures_in_a_row = 0
