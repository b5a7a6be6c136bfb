"""Both stores behind real Sentinels, and how their URLs are read."""

import pytest

from scheduling.settings import SettingsError, read_settings
from scheduling.store.address import read_address
from scheduling.store.plain import PlainStore
from tests.failover import Writers
from tests.patched import run_patched
from tests.scheduling.store.cases import sentinel
from tests.sentinels import SERVICE, Replicated, Sentinel
from tests.stack import wait_until
from tests.valkey import Valkey


@pytest.mark.parametrize("name", sentinel.CASES)
def test_plain(name: str) -> None:
    sentinel.run(name, "plain")


@pytest.mark.parametrize("name", sentinel.CASES)
def test_batched(name: str) -> None:
    run_patched("tests.scheduling.store.cases.sentinel:run", name, "batched")


def test_a_coordinated_switch_loses_nothing() -> None:
    """The former master holds back its clients until the replica has everything.

    In a plain ``SENTINEL FAILOVER`` both are masters for a moment, and what the former one took is lost.
    """
    with Replicated() as servers:
        first, second = servers.master, servers.replica
        writers = Writers(servers.url)
        try:
            wait_until(lambda: len(writers.acknowledged) > 100, "they write")
            servers.ask(servers.sentinels[0], "SENTINEL", "FAILOVER", SERVICE, "COORDINATED")
            servers.wait_promoted(second)
            wait_until(lambda: servers.ask(first, "ROLE")[0] == "slave", "the former master follows")
            before = len(writers.acknowledged)
            wait_until(lambda: len(writers.acknowledged) > before + 100, "they go on")
        finally:
            writers.end()
        assert writers.lost_on(second) == 0


def test_a_password_each_for_the_server_and_the_sentinels() -> None:
    options = ("requirepass theirs", f"sentinel auth-pass {SERVICE} ours")
    with Valkey(requirepass="ours") as server, Sentinel(server, 1, *options) as asked:
        place = f"127.0.0.1:{asked.port}/{SERVICE}/2?sentinel_password=theirs"
        with PlainStore(f"redis+sentinel://:ours@{place}") as store:
            assert store.command("SET", "key", "1") == b"OK"
        with PlainStore(f"{server.url.replace('//', '//:ours@')}/2") as direct:
            assert direct.command("GET", "key") == b"1"


def test_what_a_url_says() -> None:
    address = read_address(
        "rediss+sentinel://me:p%40ss@h1:1,h2,[::1]:7/my%20one/3?ssl_ca_certs=ca.pem&sentinel_username=you"
    )
    assert address.sentinels == (("h1", 1), ("h2", 26379), ("::1", 7))
    assert address.service == "my one"
    assert address.tls
    assert {name: address.options[name] for name in ("username", "password", "db")} == {
        "username": "me", "password": "p@ss", "db": 3,
    }  # fmt: skip
    assert address.sentinel_options == {"ssl": True, "ssl_ca_certs": "ca.pem", "username": "you"}


@pytest.mark.parametrize(
    ("name", "url", "words"),
    [
        ("redis_url", "redis+sentinel://h1,h2", "names no service"),
        ("redis_url", "redis+sentinel://h1:x/my", "'h1:x' is no Sentinel"),
        ("redis_url", "redis+sentinel:///my", "'' is no Sentinel"),
        ("redis_url", "redis+sentinel://h1/my/first", "'first' is no database"),
        ("redis_url", "sentinel://h1/my", "redis\\+sentinel://host:26379"),
        ("redis_url", "http://h", "must look like redis://"),
        ("celery_broker_url", "sentinel://h1:1;sentinel://h2:1", "redis\\+sentinel://host:26379"),
        ("celery_broker_url", "rabbit.example:5672", "amqp://user:word@host"),
        ("celery_broker_url", "sqs://", "must be a Redis"),
    ],
)
def test_a_url_that_is_wrong_is_told_what_to_write(name: str, url: str, words: str) -> None:
    given = {"redis_url": "redis://h"} | {name: url}
    with pytest.raises(SettingsError, match=words):
        read_settings(**given)
