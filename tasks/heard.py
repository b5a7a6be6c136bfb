"""A worker says that it lives with each heartbeat that Celery sends: so long, it has its broker as well."""

import logging
from typing import Any

from celery.signals import heartbeat_sent

from scheduling.errors import StoreError
from scheduling.workers import note_worker
from tasks.ledger import worker_ledger

_log = logging.getLogger(__name__)


@heartbeat_sent.connect
def say(sender: Any, **_: Any) -> None:
    """Note it in the ledger; where that is away, the tasks say so."""
    try:
        note_worker(worker_ledger().cell, sender.eventer.hostname)
    except StoreError as error:
        _log.debug("the ledger does not hear of this worker: %s", error)
