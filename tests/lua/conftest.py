"""What the tests of the scripts may ask for."""

import pytest

from scheduling.store.plain import PlainStore
from tests.lua.world import World


@pytest.fixture
def world(store: PlainStore) -> World:
    """Give a fresh cell."""
    return World(store)
