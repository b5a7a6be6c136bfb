"""Result fan-out, a shard at a time."""

from scheduling.drain import drain_shard
from tasks.again import again
from tasks.app import app
from tasks.ledger import TROUBLE, worker_bodies, worker_ledger
from tasks.names import DRAIN_ALL, DRAIN_RESULTS


@app.task(name=DRAIN_RESULTS, throws=TROUBLE)
def drain_results(shard: int) -> int:
    """Drain one shard for a bounded time; go on in a new message, so that nobody waits behind it."""
    drained = drain_shard(worker_ledger(), worker_bodies(), shard)
    if drained.more:
        again(drain_results, shard)
    return drained.count


@app.task(name=DRAIN_ALL, throws=TROUBLE)
def drain_all() -> int:
    """Look at every shard: what a lost message left behind is done here."""
    return sum(drain_results(shard) for shard in range(worker_ledger().cell.settings.shards))
