"""Where Celery's broker is and how connections to it behave: URL, TLS, time-outs."""

import ssl
from typing import Any
from urllib.parse import urlsplit

from kombu.utils.url import as_url
from redis.backoff import NoBackoff
from redis.connection import UnixDomainSocketConnection
from redis.retry import Retry

from scheduling.settings import Settings
from scheduling.store.address import Address, read_address
from scheduling.store.sentinels import PATIENCE_S

#: A message whose worker died comes back after this time at the earliest, s: longer than any task may take,
#: and void by then. It is read from the transport options alone (there is no result backend), and the
#: shortest value of all processes on a broker wins, so all of them take it from here.
VISIBILITY_TIMEOUT_S = 60
#: A stopped broker takes the connection and never answers; without it kombu waits for ever. A worker that is
#: to end then waits four times: all of it fits into the 25 s that a platform gives.
SOCKET_TIMEOUT_S = 4.0

_RABBITMQ = "amqp"


def broker_url(url: str) -> str:
    """Write a URL that the ledger understands (`scheduling.store.address`) the way kombu does.

    Options of redis-py would end kombu, so only the address, the login and the database are kept; for TLS
    see `tls_options`, for Sentinels `transport_options`. A URL of RabbitMQ passes as it is. Raises
    `ValueError`.
    """
    if is_rabbitmq(url):
        return url
    address = read_address(url)
    options = address.options
    login: dict[str, Any] = {"user": options.get("username"), "password": options.get("password")}
    database = options.get("db", 0)
    if address.sentinels:
        places = [
            as_url("sentinel", host, port, path=str(database), **login) for host, port in address.sentinels
        ]
        return ";".join(places)
    if options.get("connection_class") is UnixDomainSocketConnection:
        place = as_url("redis+socket", path=options["path"].lstrip("/"), **login)
        return f"{place}?virtual_host={database}"
    scheme = "rediss" if address.tls else "redis"
    host, port = options.get("host", "localhost"), options.get("port", 6379)
    return str(as_url(scheme, host, port, path=str(database), **login))


def tls_options(url: str, authority: str = "") -> dict[str, Any] | None:
    """Give the TLS options of a ``rediss://`` URL, None without TLS.

    ``authority`` is the PEM file that vouches for an ``amqps://`` broker; those of Redis have it in the URL.

    kombu by itself would not verify the server; the ledger does unless the URL says otherwise, and so
    does the broker. Flower takes them from here too: it ignores those of a URL.
    """
    if url.startswith("amqps://") and authority:
        host = urlsplit(url).hostname
        return {"ca_certs": authority, "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": host}
    if is_rabbitmq(url) or not (address := read_address(url)).tls:
        return None
    stated = {name: value for name, value in address.options.items() if name.startswith("ssl_")}
    return {"ssl_cert_reqs": "required"} | stated


def transport_options(settings: Settings) -> dict[str, Any]:
    """Give kombu's options for the broker of these settings."""
    if is_rabbitmq(settings.broker_url):
        return {}
    address = read_address(settings.broker_url)
    return _sentinel_options(address) | {
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        "socket_timeout": SOCKET_TIMEOUT_S,
        "socket_connect_timeout": SOCKET_TIMEOUT_S,
        "socket_keepalive": True,
        # A producer does not wait for a broker to return; consumers do, by `broker_connection_max_retries`.
        "max_retries": 0,
        # A consumer that waits on a half-open connection is back within 12 s.
        "health_check_interval": 10,
        # Cells may share a broker, and the broker the ledger's server.
        "global_keyprefix": f"sd-{settings.cell}-",
        "client_name": "speech-dispatch-celery",
    }


def is_rabbitmq(url: str) -> bool:
    """Whether this is a URL of RabbitMQ; all other brokers are Redis."""
    return _RABBITMQ in url.partition("://")[0]


class _Once(Retry):
    """The next Sentinel is asked instead of the same one again."""

    def __json__(self) -> str:  # kombu's name for it
        """Let a worker tell Flower of its connection, all options included."""
        return "once"


def _sentinel_options(address: Address) -> dict[str, Any]:
    if not address.sentinels:
        return {}
    times = {"socket_timeout": PATIENCE_S, "socket_connect_timeout": PATIENCE_S}
    options = {**address.sentinel_options, **times, "retry": _Once(NoBackoff(), 0)}
    return {"master_name": address.service, "sentinel_kwargs": options}
