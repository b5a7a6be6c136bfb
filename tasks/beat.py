"""Celery beat, with a bound on what it sends while nobody works."""

import logging
import os
import socket
from typing import Any

from celery.beat import ScheduleEntry, Scheduler

from scheduling.errors import StoreError
from scheduling.ledger.codes import LedgerError
from scheduling.workers import BEAT, note_worker
from tasks.ledger import worker_ledger
from tasks.names import SETTLE
from tasks.wakeups import Wakeups

_log = logging.getLogger(__name__)


class BoundedScheduler(Scheduler):
    """Keeps its schedule in memory: all that is due comes round within half a minute.

    Without workers its messages would pile up in the broker, where nothing removes them: Redis knows no
    time to live of a message. So it sends as the web processes do.
    """

    #: Nothing here connects by itself: beat starts, and goes on, without a broker.
    producer = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wakeups = Wakeups(self.app)
        self._failed = False

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send a task that is due; says so when that fails, and when it works again."""
        try:
            self._wakeups.send(entry.task, entry.options["queue"])
        except Exception as error:  # noqa: BLE001  # brokers raise whatever their client raises
            self._note(failed=True, why=str(error))
        else:
            self._note(failed=False)
        if entry.task == SETTLE:  # once a second
            _say_alive()

    def close(self) -> None:
        """Let go of the broker."""
        self._wakeups.close()
        super().close()

    def _note(self, *, failed: bool, why: str = "") -> None:
        if failed and not self._failed:
            _log.warning("the broker takes no messages (%s); trying on", why)
        elif self._failed and not failed:
            _log.info("the broker takes messages again")
        self._failed = failed


def _say_alive() -> None:
    """Let the ledger hear of this beat, whatever the broker does; where that is away, others say so."""
    try:
        note_worker(worker_ledger().cell, f"{BEAT}@{socket.gethostname()}-{os.getpid()}")
    except (StoreError, LedgerError) as error:
        _log.debug("the ledger does not hear of this beat: %s", error)
