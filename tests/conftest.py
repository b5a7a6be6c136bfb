"""What every test may ask for: a real Valkey and clients of it."""

from collections.abc import Iterator

import pytest
import redis
from hypothesis import settings

from scheduling.store.plain import PlainStore
from tests.valkey import Valkey

# How long an example takes says more about this machine's other work than about the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """Give one server for all the tests of a process; it is never flushed by this fixture."""
    with Valkey() as server:
        yield server


@pytest.fixture
def redis_client(valkey: Valkey) -> Iterator[redis.Redis]:
    """Give a client of a server with nothing in it."""
    with redis.Redis.from_url(valkey.url, socket_timeout=5.0) as client:
        client.flushall()
        yield client


@pytest.fixture
def store(valkey: Valkey, redis_client: redis.Redis) -> Iterator[PlainStore]:
    """Give a store on a server with nothing in it."""
    with PlainStore(valkey.url) as plain:
        yield plain


@pytest.fixture
def own_valkey() -> Iterator[Valkey]:
    """Give a server of one's own, for tests that pause or kill it."""
    with Valkey() as server:
        yield server
