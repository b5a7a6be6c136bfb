"""Result fan-out, all shards at once."""

from scheduling.drain import drain_shards
from tasks.again import again
from tasks.app import app
from tasks.ledger import TROUBLE, worker_bodies, worker_ledger
from tasks.names import DRAIN_ALL, DRAIN_RESULTS


@app.task(name=DRAIN_RESULTS, throws=TROUBLE)
def drain_results(shard: int) -> int:
    """Drain what there is for a bounded time; go on in a new message, so that nobody waits behind it.

    A result of ``shard`` woke it. It looks at the others as well, and while results keep coming it stays: a
    message for each would cost more than the result.
    """
    return _drain(shard)


@app.task(name=DRAIN_ALL, throws=TROUBLE)
def drain_all() -> int:
    """Look at every shard: what a lost message left behind is done here."""
    return _drain(0)


def _drain(shard: int) -> int:
    ledger = worker_ledger()
    settings = ledger.cell.settings
    drained = drain_shards(
        ledger,
        worker_bodies(),
        range(settings.shards),
        linger_ms=settings.drain_linger_ms,
        gather_ms=settings.drain_gather_ms,
    )
    if drained.more:
        again(drain_results, shard)
    return drained.count
