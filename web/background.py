"""How the work in the background goes, as one web process sees it."""

from scheduling.explain.views import View
from web.dispatcher import Dispatcher
from web.publisher import Broker


class Background(View):
    """Celery's part. Without it the web processes do the same, a little later."""

    broker: Broker
    """``ok``; ``unreachable``: it takes no messages; ``silent``: nobody seems to take them there."""
    workers_seen: dict[str, int]
    """Workers that said in the last 10 s that they live and have their broker, by queue."""
    outbox_age_ms: int
    """For how long the oldest result has waited to be formatted, at the last sweep."""
    pools_age_ms: int
    """The same for nodes and requirements whose pools are to be worked out."""
    fallback_drains: int
    """Times this process did the work because no worker had, since its start."""
    published: int
    publish_failures: int


def read_background(dispatcher: Dispatcher) -> Background:
    """Give what is known; nothing is asked for."""
    sweeper, publisher = dispatcher.sweeper, dispatcher.publisher
    return Background(
        broker=publisher.broker,
        workers_seen=dispatcher.presence.workers,
        outbox_age_ms=sweeper.outbox_age_ms,
        pools_age_ms=sweeper.pools_age_ms,
        fallback_drains=sweeper.fallbacks,
        published=publisher.published,
        publish_failures=publisher.failed,
    )
