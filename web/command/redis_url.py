"""`REDIS_URL`: where it comes from, whether a server answers there, and how to show it."""

import os
import re

from web.command.errors import RedisSilent, RedisUrlMissing

_TIMEOUT_S = 3.0
#: What stands between the user and the host, and passwords among the options.
_SECRET = re.compile(r"(://[^/?#@:]*:)[^?#]*(?=@)|([?&](?:sentinel_)?password=)[^&#]*")


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
    return _SECRET.sub(r"\1\2***", url)


def require_answer(url: str) -> None:
    """Raise `RedisSilent`, saying why, unless the server at `url` answers within a few seconds."""
    # Imported here: the other commands start faster without.
    from scheduling.errors import StoreError
    from scheduling.store.plain import PlainStore

    try:
        with PlainStore(url, timeout_s=_TIMEOUT_S) as store:
            store.command("PING")
    except (StoreError, ValueError) as error:
        raise RedisSilent(f"REDIS_URL is set to {without_password(url)}, but: {error}") from error
