"""A worker says that it lives with each heartbeat that Celery sends: so long, it has its broker as well.

It is also where it learns that the ledger has become that of another version, and ends.
"""

import logging
from typing import Any

from celery.signals import celeryd_after_setup, heartbeat_sent, worker_process_init
from celery.worker import state

from scheduling import tracing
from scheduling.errors import StoreError
from scheduling.ledger.codes import SchemaMismatch
from scheduling.logs import know_always
from scheduling.metrics.announced import announcement
from scheduling.workers import TIMEOUT_S, note_worker, queue_of
from tasks.ledger import worker_ledger
from tasks.metering import counts

_log = logging.getLogger(__name__)

_at_once = 1


@celeryd_after_setup.connect
def know(sender: str, instance: Any, **_: Any) -> None:
    """Remember who this worker is, and how many tasks it may work on at once."""
    global _at_once  # the signals have no other place in common
    _at_once = int(instance.concurrency)
    know_always(instance=sender)


@worker_process_init.connect
def begin(**_: Any) -> None:
    """Make traces in each process of the pool, where they are wanted."""
    tracing.start("worker")


@heartbeat_sent.connect
def say(sender: Any, **_: Any) -> None:
    """Note it in the ledger; where that is away, the tasks say so."""
    if state.should_stop:
        return
    try:
        name = sender.eventer.hostname
        cell = worker_ledger().cell
        note_worker(cell, name)
        (told,) = announcement(cell.keys, name, counts.read(queue_of(name), _at_once))
        cell.store.command(*told, timeout_s=TIMEOUT_S)
    except SchemaMismatch as error:
        _log.critical("this worker ends: %s", error)
        state.should_stop = 1
    except StoreError as error:
        _log.debug("the ledger does not hear of this worker: %s", error)
