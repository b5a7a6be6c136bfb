"""Short control work: pools, snapshot, deadlines."""

from functools import cache

from scheduling import pooling
from scheduling.pool_watch import PoolFileWatch
from tasks.again import again
from tasks.app import app
from tasks.ledger import TROUBLE, first_of_period, sweeper_name, worker_ledger
from tasks.names import ASSIGN_POOLS, PRUNE_POOLS, REFRESH_SNAPSHOT, RELOAD_POOLS, SETTLE

#: A little less than the period, so that of two beats only one is heard.
_SETTLE_PERIOD_MS = 900
_SNAPSHOT_PERIOD_MS = 25_000
_RELOAD_PERIOD_MS = 4000
_PRUNE_PERIOD_MS = 3_500_000


@app.task(name=ASSIGN_POOLS, throws=TROUBLE)
def assign_pools() -> int:
    """Give marked nodes their pools, marked requirements their links, for a bounded time; give how many."""
    drained = pooling.drain_pools(worker_ledger())
    if drained.more:
        again(assign_pools)
    return drained.count


@app.task(name=REFRESH_SNAPSHOT, throws=TROUBLE)
def refresh_snapshot() -> bool:
    """Work the pools and the snapshot out anew, in case something was lost."""
    if not first_of_period("refresh_snapshot", _SNAPSHOT_PERIOD_MS):
        return False
    return pooling.settle_pools(worker_ledger())


@app.task(name=RELOAD_POOLS, throws=TROUBLE)
def reload_pools() -> bool:
    """Put the operator's pool file in force if it changed; whether it did."""
    if not first_of_period("reload_pools", _RELOAD_PERIOD_MS):
        return False
    return _watch().look(worker_ledger())


@cache
def _watch() -> PoolFileWatch:
    """Give this process's memory of the file."""
    return PoolFileWatch(worker_ledger().cell.settings.pools_file)


@app.task(name=PRUNE_POOLS, throws=TROUBLE)
def prune_pools() -> int:
    """Forget classes that no node has had for long; give how many."""
    if not first_of_period("prune_pools", _PRUNE_PERIOD_MS):
        return 0
    return pooling.prune_pools(worker_ledger())


@app.task(name=SETTLE, throws=TROUBLE)
def settle() -> str:
    """Settle deadlines and dead instances when no web process does; tell Flower who did."""
    if not first_of_period("settle", _SETTLE_PERIOD_MS):
        return "another beat asked"
    ledger = worker_ledger()
    if ledger.jobs.settle(sweeper_name(), _SETTLE_PERIOD_MS) is None:
        return "a web process settles"
    ledger.instances.end_dead()
    return "settled"
