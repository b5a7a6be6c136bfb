"""Short control work: pools, snapshot, deadlines."""

from celery.utils.log import get_task_logger

from scheduling import pooling
from tasks.app import app
from tasks.ledger import first_of_period, worker_ledger

_log = get_task_logger(__name__)

_SETTLE_PERIOD_MS = 900
_SNAPSHOT_PERIOD_MS = 25_000


@app.task(name="tasks.control.assign_pools")
def assign_pools() -> int:
    """Give marked nodes their pools and marked requirements their links; give how many."""
    done = total = pooling.drain_pools(worker_ledger())
    while done:
        done = pooling.drain_pools(worker_ledger())
        total += done
    return total


@app.task(name="tasks.control.refresh_snapshot")
def refresh_snapshot() -> bool:
    """Compile the snapshot anew, in case one was lost."""
    if not first_of_period("refresh_snapshot", _SNAPSHOT_PERIOD_MS):
        return False
    return pooling.refresh_snapshot(worker_ledger())


@app.task(name="tasks.control.settle")
def settle() -> bool:
    """Settle deadlines when no web process does."""
    if not first_of_period("settle", _SETTLE_PERIOD_MS):
        return False
    return worker_ledger().jobs.settle(pooling.consumer_name(), _SETTLE_PERIOD_MS) is not None
