"""Dramatiq with its Redis broker and result backend, without the middleware that this needs not."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO, Retries
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

_URL = os.environ["REDIS_URL"]
broker = RedisBroker(url=_URL, middleware=[AsyncIO(), Retries(), Results(backend=RedisBackend(url=_URL))])
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)
def echo(payload: str) -> str:
    """Give back what came."""
    return payload
