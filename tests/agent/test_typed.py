"""A session typed by hand: every message is shown, and goes where it should."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests import warm
from tests.peers import failure
from tests.stack import Stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack() as stack:
        yield stack


def _typed(url: str, lines: str) -> tuple[int, list[str], str]:
    done = warm.run("web.command", "session", "--url", url, env=os.environ, typed=lines)
    return done.returncode, done.stdout.splitlines(), done.stderr


def _messages(lines: list[str], sender: str) -> list[dict[str, Any]]:
    return [json.loads(line[3:]) for line in lines if line.startswith(sender)]


def test_lines_are_said_and_messages_sent_as_they_are(stack: Stack) -> None:
    with stack.node(("en", "pt")) as node:
        code, lines, _ = _typed(
            stack.webs[0].url("/ws/session"),
            'good morning\n\n{"type":"client_heartbeat","timestamp":7}\n',
        )
        assert node.job()["audio"] == "Z29vZCBtb3JuaW5n"
    assert code == 0
    assert [each["type"] for each in _messages(lines, "C")] == [
        "session_init", "audio_chunk", "client_heartbeat", "session_close",
    ]  # fmt: skip
    heard = {each["type"]: each for each in _messages(lines, "S")}
    assert heard["translation_result"]["text_translated"] == "pt 0"
    assert "server_heartbeat" in heard
    assert list(heard)[-1] == "session_close_ack"


def test_what_is_no_message_is_complained_about_by_the_server(stack: Stack) -> None:
    code, lines, _ = _typed(stack.webs[0].url("/ws/session"), "{so what\n")
    assert code == 0
    assert [each["code"] for each in _messages(lines, "S") if each["type"] == "error"] == ["INVALID_MESSAGE"]


def test_a_failure_is_shown_and_long_speech_is_cut(stack: Stack) -> None:
    with stack.node(("en", "pt"), answer=failure("INVALID_AUDIO")):
        code, lines, _ = _typed(stack.webs[0].url("/ws/session"), "long " * 50)
    assert code == 0
    assert any('"code": "INVALID_AUDIO"' in line for line in lines)
    assert all(len(line) < 400 for line in lines)


def test_servers_that_are_not_there_are_told(stack: Stack) -> None:
    for elsewhere in ("ws://127.0.0.1:1/ws/session", stack.webs[0].url("/else"), "nowhere"):
        code, _, complaint = _typed(elsewhere, "")
        assert code == 1
        assert complaint.startswith(f"speech-dispatch session: {elsewhere} cannot be reached: ")
        assert "Traceback" not in complaint
