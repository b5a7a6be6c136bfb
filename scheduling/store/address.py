"""Where a server is, as a URL says it: the server itself, or the Sentinels that know it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from redis.connection import SSLConnection, parse_url

SENTINEL_PORT = 26379

_SENTINEL_SCHEMES = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}
_OF_SENTINEL = "sentinel_"
_REDIS_SCHEMES = ("redis", "rediss", "unix", *_SENTINEL_SCHEMES)
_RABBITMQ_SCHEMES = ("amqp", "amqps", "pyamqp")
_SENTINEL_EXAMPLE = "redis+sentinel://host:26379,host2:26379/service/0"


@dataclass(frozen=True, slots=True)
class Address:
    """What redis-py needs in order to connect."""

    options: Mapping[str, Any]
    """Keyword arguments of redis-py's connections to the server, ``connection_class`` among them."""
    sentinels: tuple[tuple[str, int], ...] = ()
    """Host and port of each Sentinel; empty where the server's own address stands in ``options``."""
    service: str = ""
    """Name under which the Sentinels know the server."""
    sentinel_options: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of connections to a Sentinel."""

    @property
    def tls(self) -> bool:
        """Whether connections are encrypted, those to the Sentinels as well."""
        return self.options.get("connection_class") is SSLConnection


def read_address(url: str) -> Address:
    """Read a URL of redis-py, or one that names Sentinels. Raises `ValueError` with a sentence.

    ``redis+sentinel://user:word@h1:26379,h2,h3/SERVICE/DB?sentinel_password=other`` (``rediss+sentinel://``
    for TLS): user and password are those of the server; what begins with ``sentinel_`` is for the
    Sentinels, any other option of redis-py for the server.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in _SENTINEL_SCHEMES:
        return Address(_parse(url))
    place, _, query = rest.partition("?")
    netloc, _, path = place.partition("/")
    login, at, hosts = netloc.rpartition("@")
    service, _, database = path.partition("/")
    if not service:
        raise ValueError("names no service: it must end in /SERVICE, as the Sentinels call the server")
    if database and not database.isdecimal():
        raise ValueError(f"{database!r} is no database: it must be a number")
    stated = parse_qsl(query)
    own = urlencode([(name, value) for name, value in stated if not name.startswith(_OF_SENTINEL)])
    options = _parse(f"{_SENTINEL_SCHEMES[scheme]}://{login}{at}sentinel/{database}?{own}")
    del options["host"]
    theirs = {
        name.removeprefix(_OF_SENTINEL): value for name, value in stated if name.startswith(_OF_SENTINEL)
    }
    return Address(
        options,
        tuple(_host_and_port(host) for host in hosts.split(",")),
        unquote(service),
        _shared(options) | theirs,
    )


def require_redis(url: str) -> None:
    """Raise `ValueError`, with what to write, unless this is a URL of a server or of its Sentinels."""
    scheme = url.partition("://")[0]
    if scheme == "sentinel":
        raise ValueError(f"is in the form of kombu: Sentinels are written {_SENTINEL_EXAMPLE}")
    try:
        read_address(url)
    except ValueError as error:
        if scheme in _SENTINEL_SCHEMES:
            raise ValueError(f"{error}; Sentinels are written {_SENTINEL_EXAMPLE}") from error
        raise ValueError(
            f"must look like redis://host:6379/0, or rediss:// for TLS, or {_SENTINEL_EXAMPLE}"
        ) from error


def require_broker(url: str) -> None:
    """Raise `ValueError`, with what to write, unless this is a URL of a broker we know."""
    scheme = url.partition("://")[0]
    if scheme in (*_REDIS_SCHEMES, "sentinel"):
        require_redis(url)
    elif scheme not in _RABBITMQ_SCHEMES or "://" not in url:
        raise ValueError(
            "must be a Redis (redis://host:6379/0) or RabbitMQ (amqp://user:word@host:5672/vhost)"
        )


def _parse(url: str) -> dict[str, Any]:
    options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    return options


def _shared(options: Mapping[str, Any]) -> dict[str, Any]:
    """Give what holds for the Sentinels too: one authority usually vouches for all of them."""
    ssl = {name: value for name, value in options.items() if name.startswith("ssl_")}
    return ssl | ({"ssl": True} if "connection_class" in options else {})


def _host_and_port(text: str) -> tuple[str, int]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = text.partition(":")
    if not host or (port and not (port.isdecimal() and 0 < int(port) < 65536)):
        raise ValueError(f"{text!r} is no Sentinel: give HOST or HOST:PORT, apart by commas")
    return unquote(host), int(port or SENTINEL_PORT)
