"""What is said of REDIS_URL."""

import pytest

from tests.valkey import Valkey
from web.command import redis_url
from web.command.errors import RedisSilent, RedisUrlMissing


@pytest.mark.parametrize("value", [None, "", "  "])
def test_without_one_the_sentence_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    if value is not None:
        monkeypatch.setenv("REDIS_URL", value)
    with pytest.raises(RedisUrlMissing, match=r"(?s)needs REDIS_URL.*speech-dispatch up") as caught:
        redis_url.require("beat")
    assert caught.value.exit_code == 2


def test_a_given_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "rediss://h:6380/1 ")
    assert redis_url.require("web") == "rediss://h:6380/1"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("rediss://:secret@host:6380/1?a=b", "rediss://:***@host:6380/1?a=b"),
        ("redis://me:p%40ss@host", "redis://me:***@host"),
        ("redis://host?password=word&db=1", "redis://host?password=***&db=1"),
        (
            "redis+sentinel://me:word@h1,[::1]:7/my/0?sentinel_password=other",
            "redis+sentinel://me:***@h1,[::1]:7/my/0?sentinel_password=***",
        ),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    assert redis_url.without_password(url) == shown


def test_a_server_that_answers_is_accepted(valkey: Valkey) -> None:
    redis_url.require_answer(valkey.url)


@pytest.mark.parametrize("url", ["redis://:secret@127.0.0.1:1/0", "nonsense://x"])
def test_a_server_that_does_not_is_named_without_its_password(url: str) -> None:
    with pytest.raises(RedisSilent) as caught:
        redis_url.require_answer(url)
    assert redis_url.without_password(url) in str(caught.value)
    assert "secret" not in str(caught.value)
