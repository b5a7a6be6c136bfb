"""`REDIS_URL`: where it comes from, whether a server answers there, and how to show it."""

import os
from urllib.parse import urlsplit, urlunsplit

from web.command.errors import RedisSilent, RedisUrlMissing

_TIMEOUT_S = 3.0


def given() -> str | None:
    """Give the environment's `REDIS_URL`; None when unset or empty."""
    return os.environ.get("REDIS_URL", "").strip() or None


def require(command: str) -> str:
    """Give `REDIS_URL`, or raise `RedisUrlMissing` with how to go on."""
    url = given()
    if url is None:
        raise RedisUrlMissing(command)
    return url


def without_password(url: str) -> str:
    """Give the URL as it may be printed."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{place}"))


def require_answer(url: str) -> None:
    """Raise `RedisSilent`, saying why, unless the server at `url` answers within a few seconds."""
    # Imported here: the other commands start faster without.
    import redis

    try:
        with redis.Redis.from_url(
            url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
        ) as client:
            client.ping()
    except (redis.RedisError, ValueError, OSError) as error:
        raise RedisSilent(f"REDIS_URL is set to {without_password(url)}, but: {error}") from error
