"""Servers that are set to lose what they are given are warned of, once a start, whatever they hold."""

import pytest

from scheduling.settings import Settings
from scheduling.store.plain import PlainStore
from tests.stack import Stack, wait_until
from tests.valkey import Valkey
from web.store_check import check_body_server, check_ledger_server

LASTING = {"appendonly": "yes"}


def _settings(**settings: object) -> Settings:
    return Settings.model_validate({"redis_url": "redis://unused", **settings})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (LASTING, []),
        (LASTING | {"appendfsync": "always"}, []),
        (LASTING | {"maxmemory_policy": "allkeys-lru"}, ["maxmemory-policy allkeys-lru"]),
        ({"appendonly": "no"}, ["appendonly no"]),
        ({"appendonly": "no", "save": "3600 1"}, ["snapshots only"]),
        (LASTING | {"appendfsync": "no"}, ["appendfsync no"]),
        (LASTING | {"maxmemory": "64mb"}, ["maxmemory is 64 MB"]),
        (LASTING | {"maxmemory": "2gb"}, []),
    ],
)
def test_settings_of_the_ledgers_server_that_lose_data_are_found(
    options: dict[str, str], words: list[str]
) -> None:
    with Valkey(**options) as valkey, PlainStore(valkey.url) as store:
        said = check_ledger_server(store, _settings())
    assert len(said) == len(words)
    assert all(word in sentence for word, sentence in zip(words, said, strict=True))


def test_server_of_bodies_may_forget_when_it_ends_but_not_earlier() -> None:
    with Valkey(maxmemory_policy="allkeys-lru", maxmemory="100mb") as valkey, PlainStore(valkey.url) as store:
        evicts, small = check_body_server(store, _settings(payload_url=valkey.url))
        assert "come without speech" in evicts
        assert "maxmemory is 100 MB" in small
        ledger_only = check_ledger_server(store, _settings(payload_url="redis://elsewhere"))
        assert not any("maxmemory is" in sentence for sentence in ledger_only), "bodies need no room there"


def test_server_that_does_not_tell_is_left_in_peace() -> None:
    """Managed ones refuse CONFIG."""
    with Valkey() as valkey, PlainStore(valkey.url) as store:
        store.command("ACL", "SETUSER", "tenant", "on", ">secret", "~*", "&*", "+@all", "-config")
        with PlainStore(valkey.url.replace("//", "//tenant:secret@")) as told_nothing:
            assert check_ledger_server(told_nothing, _settings()) == []


def test_they_are_warned_of_once_and_shown() -> None:
    with Valkey(appendonly="yes", maxmemory_policy="allkeys-lru") as valkey, Stack(valkey=valkey) as stack:
        web = stack.webs[0]
        wait_until(lambda: bool(web.get("/api/v1/memory")[1]["warnings"]), "the warning")
        assert "evict leases" in web.get("/api/v1/memory")[1]["warnings"][0]
        assert web.log.count("evict leases") == 1
