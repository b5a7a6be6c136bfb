"""A worker says that it lives with each heartbeat that Celery sends: so long, it has its broker as well.

It is also where it learns that the ledger has become that of another version, and ends.
"""

import logging
from typing import Any

from celery.signals import heartbeat_sent
from celery.worker import state

from scheduling.errors import StoreError
from scheduling.ledger.codes import SchemaMismatch
from scheduling.workers import note_worker
from tasks.ledger import worker_ledger

_log = logging.getLogger(__name__)


@heartbeat_sent.connect
def say(sender: Any, **_: Any) -> None:
    """Note it in the ledger; where that is away, the tasks say so."""
    if state.should_stop:
        return
    try:
        note_worker(worker_ledger().cell, sender.eventer.hostname)
    except SchemaMismatch as error:
        _log.critical("this worker ends: %s", error)
        state.should_stop = 1
    except StoreError as error:
        _log.debug("the ledger does not hear of this worker: %s", error)
