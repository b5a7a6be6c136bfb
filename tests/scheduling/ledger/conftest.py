"""The ledger's tests work on a cell of their own."""

import pytest

from scheduling.store.plain import PlainStore
from tests.lua.world import World


@pytest.fixture
def world(store: PlainStore) -> World:
    """Give a fresh cell."""
    return World(store)
