"""Cases of the publisher for a process patched by gevent, each with a broker of its own."""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
import redis
from greenlet import greenlet

from tasks.names import CONTROL, DRAIN, DRAIN_RESULTS, SETTLE
from tasks.wakeups import MOST_WAITING
from tests.tasks.broker import PREFIX, app_on, clients, waiting
from tests.valkey import Valkey
from web.publisher import Publisher

_PATIENCE_S = 30.0


@contextmanager
def _running(url: str) -> Iterator[Publisher]:
    publisher = Publisher(app_on(url))
    run = gevent.spawn(publisher.run)
    try:
        yield publisher
        assert not run.dead, "the publisher has ended"
    finally:
        run.kill()


def _until(condition: Callable[[], bool], what: str) -> None:
    with gevent.Timeout(_PATIENCE_S, AssertionError(f"never: {what}")):
        while not condition():
            gevent.sleep(0.005)


def _publishes(publisher: Publisher) -> None:
    """Ask until something is published, as the sweeper does."""
    before = publisher.published
    with gevent.Timeout(_PATIENCE_S, AssertionError("nothing is published")):
        while publisher.published == before:
            publisher.wake(SETTLE, CONTROL)
            gevent.sleep(0.02)


def _greenlets() -> int:
    gc.collect()
    return sum(isinstance(each, greenlet) and not each.dead for each in gc.get_objects())


def coalesced() -> None:
    with Valkey() as broker, _running(broker.url) as publisher:
        for shard in [0, 1] * 500:
            publisher.wake(DRAIN_RESULTS, DRAIN, shard)
        _until(lambda: publisher.published == 2, "both shards are published")
        assert waiting(broker.url, DRAIN) == 2


def the_connection_goes_with_the_greenlet() -> None:
    with Valkey() as broker:
        with _running(broker.url) as publisher:
            _publishes(publisher)
            assert clients(broker.url) > 0
        _until(lambda: clients(broker.url) == 0, "the connection is closed")


def refused_and_then_there() -> None:
    with Valkey() as broker:
        broker.kill()
        with _running(broker.url) as publisher:
            for failures in (1, 2):
                publisher.wake(SETTLE, CONTROL)
                _until(lambda failures=failures: publisher.failed == failures, "it fails")  # type: ignore[misc]
                assert not publisher.heard
            broker.start()
            _publishes(publisher)
            assert publisher.heard


def killed_and_restarted_again_and_again() -> None:
    with Valkey() as broker, _running(broker.url) as publisher:
        _publishes(publisher)
        greenlets = _greenlets()
        for _ in range(3):
            broker.restart()
            _publishes(publisher)
        assert clients(broker.url) <= 2
        assert _greenlets() <= greenlets


def stopped_while_the_loop_goes_on() -> None:
    with Valkey() as broker, _running(broker.url) as publisher:
        _publishes(publisher)
        greenlets = _greenlets()
        broker.pause()
        try:
            for failures in (1, 2):
                publisher.wake(SETTLE, CONTROL)
                # This greenlet runs all the while: it is the one that looks.
                _until(lambda failures=failures: publisher.failed == failures, "it gives up")  # type: ignore[misc]
        finally:
            broker.resume()
        _publishes(publisher)
        assert clients(broker.url) <= 2
        assert _greenlets() <= greenlets


def stopped_rabbitmq(url: str, group: int) -> None:
    with _running(url) as publisher:
        _publishes(publisher)
        greenlets = _greenlets()
        os.killpg(group, signal.SIGSTOP)
        try:
            for failures in (1, 2):
                publisher.wake(SETTLE, CONTROL)
                _until(lambda failures=failures: publisher.failed == failures, "it gives up")  # type: ignore[misc]
        finally:
            os.killpg(group, signal.SIGCONT)
        _publishes(publisher)
        assert _greenlets() <= greenlets


def nobody_takes_the_messages() -> None:
    with Valkey() as broker, _running(broker.url) as publisher:
        with gevent.Timeout(_PATIENCE_S, AssertionError("the queue grows for ever")):
            while publisher.heard:
                publisher.wake(SETTLE, CONTROL)
                gevent.sleep(0.001)
        assert waiting(broker.url, CONTROL) == MOST_WAITING
        with redis.Redis.from_url(broker.url) as worker:
            worker.delete(f"{PREFIX}{CONTROL}")
        _publishes(publisher)
        assert publisher.heard


def run(name: str) -> None:
    """Run the case of this name."""
    globals()[name]()
