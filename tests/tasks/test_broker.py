"""One URL means the same broker to redis-py, which the ledger uses, to kombu and to Flower."""

import ssl
from pathlib import Path

import pytest
from kombu.exceptions import OperationalError

from scheduling.settings import Settings
from tasks.broker import SOCKET_TIMEOUT_S, VISIBILITY_TIMEOUT_S, broker_url, tls_options, transport_options
from tasks.configuration import TASK_TIMEOUT_S
from tasks.names import CONTROL, SETTLE
from tasks.wakeups import Wakeups
from tests.scheduling.store.proxy import Proxy, make_certificate
from tests.tasks.broker import app_on, clients, waiting
from tests.valkey import Valkey


@pytest.mark.parametrize(
    ("url", "kombu_url"),
    [
        ("redis://h", "redis://h:6379/0"),
        ("redis://h:7000/3", "redis://h:7000/3"),
        ("redis://h?db=4&socket_timeout=3&protocol=3", "redis://h:6379/4"),
        ("redis://user:p%40ss@h:1", "redis://user:p%40ss@h:1/0"),
        ("redis://:secret@h", "redis://:secret@h:6379/0"),
        ("rediss://:secret@h:6380?ssl_cert_reqs=none", "rediss://:secret@h:6380/0"),
        ("unix:///run/redis.sock?db=2", "redis+socket:///run/redis.sock?virtual_host=2"),
        ("unix://:secret@/run/redis.sock", "redis+socket://:secret@/run/redis.sock?virtual_host=0"),
        ("amqp://user:word@h//", "amqp://user:word@h//"),
        ("redis+sentinel://h1/my", "sentinel://h1:26379/0"),
        (
            "redis+sentinel://me:p%40ss@h1:1,h2/my/3?sentinel_password=other",
            "sentinel://me:p%40ss@h1:1/3;sentinel://me:p%40ss@h2:26379/3",
        ),
    ],
)
def test_a_url_of_the_ledger_is_written_for_kombu(url: str, kombu_url: str) -> None:
    assert broker_url(url) == kombu_url


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="Port"):
        broker_url("redis://h:99999")


def test_tls_is_verified_unless_the_url_says_otherwise() -> None:
    """kombu by itself takes any certificate for a ``rediss://`` URL without options."""
    assert tls_options("rediss://h") == {"ssl_cert_reqs": "required"}
    assert tls_options("rediss://h?ssl_cert_reqs=none") == {"ssl_cert_reqs": "none"}
    assert tls_options("rediss://h?ssl_ca_certs=ca.pem") == {
        "ssl_cert_reqs": "required",
        "ssl_ca_certs": "ca.pem",
    }
    assert tls_options("redis://h") is None
    assert tls_options("rediss+sentinel://h/my?ssl_ca_certs=ca.pem") == tls_options(
        "rediss://h?ssl_ca_certs=ca.pem"
    )
    assert tls_options("amqps://h") is None
    assert tls_options("amqps://u:w@rabbit.example:5671/v", "ca.pem") == {
        "ca_certs": "ca.pem",
        "cert_reqs": ssl.CERT_REQUIRED,
        "server_hostname": "rabbit.example",
    }


def test_a_message_comes_back_later_than_any_task_ends(valkey: Valkey) -> None:
    assert VISIBILITY_TIMEOUT_S > TASK_TIMEOUT_S
    with app_on(valkey.url).connection_for_read() as connection, connection.channel() as channel:
        assert channel.visibility_timeout == VISIBILITY_TIMEOUT_S
        assert channel.qos.visibility_timeout == VISIBILITY_TIMEOUT_S


def test_a_broker_that_is_no_redis_gets_no_options_of_redis() -> None:
    assert transport_options(Settings(redis_url="redis://h", celery_broker_url="amqp://h")) == {}


def test_celery_is_told_what_stands_in_no_url_of_its_own() -> None:
    url = "redis+sentinel://me:word@h1,h2/my?sentinel_password=other"
    options = transport_options(Settings(redis_url=url))
    assert options["master_name"] == "my"
    assert options["sentinel_kwargs"]["password"] == "other"
    assert options["sentinel_kwargs"]["socket_timeout"] < SOCKET_TIMEOUT_S
    assert options["visibility_timeout"] == VISIBILITY_TIMEOUT_S


def test_cells_and_the_ledger_may_share_the_broker_s_server(own_valkey: Valkey) -> None:
    wakeups = [Wakeups(app_on(own_valkey.url, cell=cell)) for cell in ("0", "berlin")]
    for each in wakeups:
        each.send(SETTLE, CONTROL)
        each.close()
    assert waiting(own_valkey.url, CONTROL) == 1


def test_a_socket_of_the_file_system_leads_to_the_database_of_its_url(tmp_path: Path) -> None:
    path = tmp_path / "valkey.sock"
    with Valkey(unixsocket=str(path)) as server:
        wakeups = Wakeups(app_on(f"unix://{path}?db=2"))
        assert wakeups.send(SETTLE, CONTROL)
        wakeups.close()
        assert waiting(f"{server.url}/2", CONTROL) == 1


@pytest.mark.parametrize(
    ("options", "welcome"), [("", False), ("?ssl_ca_certs={ca}", True), ("?ssl_cert_reqs=none", True)]
)
def test_a_certificate_nobody_vouches_for_is_refused(
    own_valkey: Valkey, tmp_path: Path, options: str, welcome: bool
) -> None:
    certificate, context = make_certificate(tmp_path)
    with Proxy(own_valkey.port, context) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}{options.format(ca=certificate)}"
        wakeups = Wakeups(app_on(url))
        if welcome:
            assert wakeups.send(SETTLE, CONTROL)
            assert clients(own_valkey.url) > 0
        else:
            with pytest.raises(OperationalError, match="certificate"):
                wakeups.send(SETTLE, CONTROL)
        wakeups.close()
        assert waiting(own_valkey.url, CONTROL) == int(welcome)
