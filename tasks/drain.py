"""Result fan-out, a shard at a time."""

from scheduling.drain import drain_shard
from tasks.app import app
from tasks.ledger import worker_ledger
from tasks.names import EXPIRES_S


@app.task(name="tasks.drain.drain_results")
def drain_results(shard: int) -> int:
    """Drain one shard for a bounded time; go on in a new task, so that nobody waits behind it."""
    drained = drain_shard(worker_ledger(), shard)
    if drained.more:
        drain_results.apply_async((shard,), expires=EXPIRES_S)
    return drained.results


@app.task(name="tasks.drain.drain_all")
def drain_all() -> int:
    """Look at every shard: what a lost message left behind is done here."""
    ledger = worker_ledger()
    return sum(drain_shard(ledger, shard).results for shard in range(ledger.cell.settings.shards))
