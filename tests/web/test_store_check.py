import logging

import pytest

from scheduling.store.plain import PlainStore
from tests.valkey import Valkey
from web.store_check import warn_of_forgetful_store


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"appendonly": "yes"}, []),
        ({"appendonly": "yes", "maxmemory_policy": "allkeys-lru"}, ["maxmemory-policy allkeys-lru"]),
        ({"appendonly": "no"}, ["appendonly no"]),
    ],
)
def test_settings_that_lose_data_are_warned_of(
    options: dict[str, str], words: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with Valkey(**options) as valkey, PlainStore(valkey.url) as store, caplog.at_level(logging.WARNING):
        warn_of_forgetful_store(store)
    assert len(caplog.messages) == len(words)
    assert all(word in message for word, message in zip(words, caplog.messages, strict=True))
