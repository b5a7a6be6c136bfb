"""One set-up of logs for all processes: fields for programs, lines for people, secrets for nobody."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from scheduling import logs
from scheduling.logs import Sparing, about, about_nothing, configure_logs, know_always

_log = logging.getLogger("tests.logs")

Written = Callable[[], str]


@pytest.fixture
def root() -> Iterator[None]:
    """Put the logging of the tests back as it was."""
    logger = logging.getLogger()
    handlers, level = list(logger.handlers), logger.level
    known = dict(logs._always)
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logs._always.clear()
    logs._always.update(known)
    about_nothing()


@pytest.fixture
def as_json(root: None) -> Callable[[], list[dict[str, Any]]]:
    stream = io.StringIO()
    configure_logs("INFO", "auto", stream)  # no terminal
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def as_text(root: None) -> Written:
    stream = io.StringIO()
    configure_logs("INFO", "text", stream)
    return stream.getvalue


def test_an_event_has_its_fields(as_json: Callable[[], list[dict[str, Any]]]) -> None:
    know_always(instance="web-1")
    about(session="s-1", trace="t-1", tenant=None)
    _log.info("node %s is gone", "n1", extra={"node": "n1", "audio": "AAAA"})
    (event,) = as_json()
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "level": "INFO", "logger": "tests.logs", "event": "node n1 is gone", "node": "n1", "session": "s-1",
        "trace": "t-1", "instance": "web-1",
    }  # fmt: skip


def test_what_is_below_the_level_is_not_written(as_json: Callable[[], list[dict[str, Any]]]) -> None:
    _log.debug("quiet")
    assert as_json() == []


def test_an_exception_stays_in_its_line(as_json: Callable[[], list[dict[str, Any]]]) -> None:
    try:
        raise KeyError("missing")
    except KeyError:
        _log.exception("it failed")
    (event,) = as_json()
    assert event["level"] == "ERROR"
    assert "KeyError: 'missing'" in event["exception"]


def test_text_reads_as_ever_with_the_fields_behind(as_text: Written) -> None:
    _log.warning("broker away", extra={"reason": "no route", "node": "n1"})
    line = as_text()
    assert " WARNING tests.logs: broker away node=n1 reason='no route'\n" in line
    assert line[:2] == "20"


def test_no_words_forge_a_line(as_text: Written) -> None:
    _log.info("it said %s", "hello\nERROR forged")
    assert as_text().count("\n") == 1


def test_what_a_stranger_calls_himself_does_nothing_to_a_terminal(as_text: Written) -> None:
    """Escape sequences in a name cleared the screen of whoever looked at the log, or wrote over a line."""
    evil = "n\x1b[2J\r\u202e"
    try:
        raise ValueError(evil)
    except ValueError:
        _log.exception("node %s", evil, extra={"reason": evil, "tenant": "acme"})
    written = as_text()
    assert written.replace("\n", "").isprintable()
    assert "node n\\x1b[2J\\r\\u202e" in written
    assert "ValueError" in written.splitlines()[-1]


def test_secrets_are_blotted_out_of_fields_too(as_json: Callable[[], list[dict[str, Any]]]) -> None:
    """The log of requests has the path, and so path secrets, in a field of its own."""
    _log.info("request answered", extra={"path": f"/ws/node/{'s' * 43}", "reason": f"sdt_{'s' * 43}"})
    (event,) = as_json()
    assert (event["path"], event["reason"]) == ("/ws/node/***", "***")


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("connect to rediss://user:hunter2@redis.example:6380/0", "hunter2"),
        ("Authorization: Bearer abc.def-1", "abc.def-1"),
        ("opened /ws/session?token=deadbeef&x=1", "deadbeef"),
        ('{"resume_token": "deadbeef"}', "deadbeef"),
        ("ADMIN_TOKEN=deadbeef is wrong", "deadbeef"),
        ("it sent eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl", "eyJzdWIiOiJ4In0"),
    ],
)
def test_secrets_are_blotted_out(as_text: Written, said: str, secret: str) -> None:
    _log.info(said)
    assert secret not in as_text()
    assert "***" in as_text()


def test_what_somebody_said_does_not_come_in_by_an_error(as_text: Written) -> None:
    class Model(BaseModel):
        text: int

    said = {"text": "I have a " + "secret"}  # the trace shows the lines of the source
    try:
        Model.model_validate(said)
    except ValidationError:
        _log.exception("it cannot be read")
    assert "I have a secret" not in as_text()
    assert "int_parsing" in as_text() or "integer" in as_text()


def test_a_flood_is_told_sparingly_and_counted(
    as_json: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0
    monkeypatch.setattr(logs.time, "monotonic", lambda: now_s)
    told = Sparing(_log, most_per_s=2)
    for _ in range(10):
        told.info("refused", code="NODE_OVERLOADED", tenant=None)
    now_s = 101.0
    told.info("refused", code="NODE_OVERLOADED")
    assert [event.get("left_out") for event in as_json()] == [None, None, 8]
    assert all("tenant" not in event for event in as_json())
