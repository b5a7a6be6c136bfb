"""Where Celery's broker is and how connections to it behave: URL, TLS, time-outs."""

from typing import Any

from kombu.utils.url import as_url
from redis.connection import SSLConnection, UnixDomainSocketConnection, parse_url

from scheduling.settings import Settings

#: A message whose worker died comes back after this time at the earliest, s: longer than any task may take,
#: and void by then. It is read from the transport options alone (there is no result backend), and the
#: shortest value of all processes on a broker wins, so all of them take it from here.
VISIBILITY_TIMEOUT_S = 60
#: A stopped broker takes the connection and never answers; without it kombu waits for ever.
SOCKET_TIMEOUT_S = 5.0

_REDIS_SCHEMES = ("redis", "rediss", "unix")
_KEYED_SCHEMES = (*_REDIS_SCHEMES, "sentinel")


def broker_url(url: str) -> str:
    """Write a URL of redis-py, which the ledger takes as it is, the way kombu understands it.

    Options of redis-py would end kombu, so only the address, the login and the database are kept; for TLS
    see `tls_options`. Brokers that are no Redis (``amqp://``) pass as they are. Raises `ValueError`.
    """
    if _scheme(url) not in _REDIS_SCHEMES:
        return url
    options = _parse(url)
    kind = options.get("connection_class")
    login: dict[str, Any] = {"user": options.get("username"), "password": options.get("password")}
    database = options.get("db", 0)
    if kind is UnixDomainSocketConnection:
        address = as_url("redis+socket", path=options["path"].lstrip("/"), **login)
        return f"{address}?virtual_host={database}"
    scheme = "rediss" if kind is SSLConnection else "redis"
    host, port = options.get("host", "localhost"), options.get("port", 6379)
    return str(as_url(scheme, host, port, path=str(database), **login))


def tls_options(url: str) -> dict[str, Any] | None:
    """Give the TLS options of a ``rediss://`` URL, None without TLS.

    kombu by itself would not verify the server; the ledger does unless the URL says otherwise, and so
    does the broker. Flower takes them from here too: it ignores those of a URL.
    """
    if _scheme(url) != "rediss":
        return None
    options = _parse(url)
    stated = {name: value for name, value in options.items() if name.startswith("ssl_")}
    return {"ssl_cert_reqs": "required"} | stated


def transport_options(settings: Settings) -> dict[str, Any]:
    """Give kombu's options for the broker of these settings."""
    if _scheme(settings.broker_url) not in _KEYED_SCHEMES:
        return {}
    return {
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


def _parse(url: str) -> dict[str, Any]:
    options: dict[str, Any] = parse_url(url)
    return options


def _scheme(url: str) -> str:
    return url.partition("://")[0]
