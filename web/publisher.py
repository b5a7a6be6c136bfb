"""Publishing to Celery: coalesced, by one supervised greenlet, so that no request waits for a broker."""

import logging
import time
from typing import Any

import gevent
from celery import Celery
from gevent.event import Event

from tasks.names import EXPIRES_S

_log = logging.getLogger(__name__)

#: A stopped broker takes the connection and never answers; the greenlet gives up after this time.
_TIMEOUT_S = 3.0
#: After a failure, how long until the next try, s.
_PAUSE_S = 1.0


class Publisher:
    """Wake-ups wait in a set, each at most once, until they are published or superseded."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._wanted: dict[tuple[str, tuple[int, ...], str], None] = {}
        self._there_is_work = Event()
        self.published = 0
        self.failed = 0

    def wake(self, task: str, queue: str, *args: int) -> None:
        """Ask for a task to be published; asking again before it was changes nothing. Never waits."""
        self._wanted[task, args, queue] = None
        self._there_is_work.set()

    def run(self) -> None:
        """Publish for ever."""
        while True:
            self._there_is_work.wait()
            self._there_is_work.clear()
            wanted, self._wanted = self._wanted, {}
            for item in wanted:
                if not self._publish(*item):
                    gevent.sleep(_PAUSE_S)
                    break  # the web process repeats what is still not drained

    def _publish(self, task: str, args: tuple[int, ...], queue: str) -> bool:
        try:
            with gevent.Timeout(_TIMEOUT_S):
                self._app.send_task(
                    task, args, queue=queue, expires=EXPIRES_S, ignore_result=True, retry=False
                )
        except (gevent.Timeout, Exception) as error:  # noqa: BLE001  # brokers raise whatever their client raises
            self._give_up_connection(error)
            return False
        self.published += 1
        return True

    def _give_up_connection(self, error: Any) -> None:
        """Drop connections that may hold half a request; count, and say so once in a while."""
        self.failed += 1
        if self.failed % 30 == 1:
            _log.warning("the broker takes no messages (%s); results go on without workers", error)
        try:
            with gevent.Timeout(_TIMEOUT_S):
                self._app.pool.force_close_all()
        except (gevent.Timeout, Exception):  # noqa: BLE001  # closing what is broken may fail as well
            _log.debug("closing broker connections failed at %.0f", time.time())
