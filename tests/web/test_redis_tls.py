"""Redis and broker behind TLS with an authority of one's own: web processes, workers, every connection."""

from pathlib import Path

import pytest

from scheduling.errors import StoreUnavailable
from scheduling.settings import Settings
from scheduling.store.plain import PlainStore
from tests.certificates import make_authority
from tests.scheduling.store.proxy import Proxy
from tests.stack import Stack
from tests.valkey import Valkey


def settings_for(port: int, authority: Path | None) -> Settings:
    return Settings(
        redis_url=f"rediss://127.0.0.1:{port}/0", redis_ca_file="" if authority is None else str(authority)
    )


def test_only_a_server_of_the_authority_is_spoken_to(valkey: Valkey, tmp_path: Path) -> None:
    authority, context = make_authority(tmp_path / "ours")
    other, _ = make_authority(tmp_path / "theirs")
    with Proxy(valkey.port, context) as proxy:
        with PlainStore(settings_for(proxy.port, authority).redis_url) as store:
            assert store.command("PING") == b"PONG"
        for wrong in (None, other):
            with (
                PlainStore(settings_for(proxy.port, wrong).redis_url, timeout_s=1.0) as store,
                pytest.raises(StoreUnavailable, match="certificate"),
            ):
                store.command("PING")


def test_a_certificate_of_another_host_is_refused(valkey: Valkey, tmp_path: Path) -> None:
    authority, context = make_authority(tmp_path, "192.0.2.1")
    with (
        Proxy(valkey.port, context) as proxy,
        PlainStore(settings_for(proxy.port, authority).redis_url) as store,
        pytest.raises(StoreUnavailable, match="certificate"),
    ):
        store.command("PING")


def test_an_authority_that_the_url_names_itself_stays() -> None:
    url = "rediss://h:1/0?ssl_ca_certs=own.pem"
    settings = Settings(redis_url=url, payload_url="redis://h:2/0", redis_ca_file="a b.pem")
    assert settings.redis_url == url
    assert settings.payload_url == "redis://h:2/0"
    assert Settings(redis_url="rediss://h?x=1", redis_ca_file="a b.pem").redis_url == (
        "rediss://h?x=1&ssl_ca_certs=a%20b.pem"
    )


def test_everything_runs_over_tls(own_valkey: Valkey, tmp_path: Path, pair: tuple[str, str]) -> None:
    """Web process, Celery's workers and their broker see Redis through a proxy that takes TLS only."""
    authority, context = make_authority(tmp_path)
    with Proxy(own_valkey.port, context) as proxy:
        tls = {"redis_url": f"rediss://127.0.0.1:{proxy.port}/0", "redis_ca_file": str(authority)}
        with (
            Stack(valkey=own_valkey, workers=True, **tls) as stack,
            stack.node(pair) as node,
            stack.client(*pair) as client,
        ):
            client.say()
            assert client.result()["type"] == "translation_result"
            assert node.jobs
            stack.assert_clean_logs()
            other, _ = make_authority(tmp_path / "theirs")
            deceived = stack.web(redis_ca_file=str(other))
            deceived.wait_log("certificate verify failed")
            assert deceived.get("/ready")[0] in (0, 503)
