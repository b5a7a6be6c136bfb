"""Recordings over HTTP, over a real stack."""

import base64
import http.client
import io
import json
import socket
import wave
from contextlib import ExitStack
from typing import Any

import pytest

from tests.stack import Stack, wait_until

Pair = tuple[str, str]
PCM = bytes(3200)


def wav(pcm: bytes = PCM) -> bytes:
    """Give pcm16 at 16 kHz as a file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(pcm)
    return file.getvalue()


def ask(
    stack: Stack, method: str, path: str, body: bytes = b"", kind: str = "audio/wav", web: int = 0
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Give status, JSON and headers."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.webs[web].port, timeout=30)
    try:
        connection.request(method, f"/api/v1/{path}", body, {"Content-Type": kind})
        response = connection.getresponse()
        return response.status, json.loads(response.read()), dict(response.getheaders())
    finally:
        connection.close()


def at(pair: Pair, **more: Any) -> str:
    return f"utterances?src={pair[0]}&tgt={pair[1]}" + "".join(f"&{k}={v}" for k, v in more.items())


@pytest.mark.parametrize("way", ["wav", "pcm16", "json"])
def test_a_recording_is_translated_at_once(stack: Stack, pair: Pair, way: str) -> None:
    body, kind = {
        "wav": (wav(), "audio/wav"),
        "pcm16": (PCM, "application/octet-stream"),
        "json": (json.dumps({"audio": base64.b64encode(wav()).decode()}).encode(), "application/json"),
    }[way]
    with stack.node(pair) as node:
        status, found, _ = ask(stack, "POST", at(pair), body, kind)
        assert (status, found["state"]) == (200, "done")
        assert found["result"]["text_translated"] == f"{pair[1]} 0"
        assert base64.b64decode(found["result"]["tts_audio"]) == b"speech 0"
        assert base64.b64decode(node.job()["audio"]) == (PCM if way == "pcm16" else wav())


def test_a_slow_recording_is_asked_for_again_on_any_process(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, answer=None) as node:
        status, found, headers = ask(stack, "POST", at(pair, wait_s=0), wav())
        assert status == 202
        assert headers["Location"] == f"/api/v1/utterances/{found['job_id']}"
        node.answer(node.job())
        path = f"utterances/{found['job_id']}"
        status, found, _ = ask(stack, "GET", f"{path}?wait_s=20", web=1)
        assert (status, found["result"]["text_translated"]) == (200, f"{pair[1]} 0")
        assert ask(stack, "GET", path)[1]["result"]["text_asr"] == f"{pair[0]} 0", "it may be asked for twice"


def test_a_recording_that_fails_says_why(stack: Stack, pair: Pair) -> None:
    failed = {"success": False, "error": {"code": "NMT_TIMEOUT", "message": "slow", "details": None}}
    with stack.node(pair, answer=lambda _job: failed):
        status, found, _ = ask(stack, "POST", at(pair), wav())
        assert (status, found["state"]) == (200, "failed")
        assert found["code"]
        assert found["missing"]["type"] == "missing_result"


def test_without_a_node_it_is_refused_with_a_time_to_come_back(stack: Stack, pair: Pair) -> None:
    with stack.node(("aa", "bb")):
        status, found, _ = ask(stack, "POST", at(pair), wav())
        assert (status, found["error"]["code"]) == (422, "UNSUPPORTED_FEATURE")


def test_when_all_nodes_are_busy_it_says_when_to_come_back(pair: Pair) -> None:
    with Stack(max_waiting=0) as own, own.node(pair, slots=1, answer=None) as node:
        assert ask(own, "POST", at(pair, wait_s=0), wav())[0] == 202
        node.job()
        status, found, headers = ask(own, "POST", at(pair, wait_s=0), wav())
        assert (status, found["error"]["code"]) == (429, "NODE_OVERLOADED")
        assert int(headers["Retry-After"]) >= 1


def test_no_node_at_all() -> None:
    with Stack() as own:
        status, found, headers = ask(own, "POST", at(("en", "pt")), wav())
        assert (status, found["error"]["code"]) == (503, "NO_AVAILABLE_NODE")
        assert headers["Retry-After"] == "5"


def test_the_job_of_a_socket_is_not_to_be_had_here(stack: Stack, pair: Pair) -> None:
    with stack.node(pair) as node, stack.client(*pair) as client:
        client.say()
        client.result(1)
        assert ask(stack, "GET", f"utterances/{node.job()['job_id']}")[0] == 404


@pytest.mark.parametrize(
    ("path", "body", "kind", "status"),
    [
        ("utterances?src=en", wav(), "audio/wav", 400),
        ("utterances?src=en&tgt=pt&wait_s=x", wav(), "audio/wav", 400),
        ("utterances?src=en&tgt=pt&wait_s=9999", wav(), "audio/wav", 400),
        ("utterances?src=en&tgt=pt", b"", "audio/wav", 400),
        ("utterances?src=en&tgt=pt", b"RIFFnothing", "audio/wav", 400),
        ("utterances?src=en&tgt=pt&audio_format=mp3", PCM, "audio/wav", 400),
        ("utterances?src=en&tgt=pt", b"{", "application/json", 400),
        ("utterances?src=en&tgt=pt", b'{"audio": "%%%"}', "application/json", 400),
        ("utterances?src=en&tgt=pt", bytes(8 * 512_000 + 2), "audio/wav", 413),
        ("utterances?src=en&tgt=pt", bytes(17 * 512_000), "audio/wav", 413),
    ],
)
def test_what_cannot_be_a_recording_is_refused(
    stack: Stack, path: str, body: bytes, kind: str, status: int
) -> None:
    found = ask(stack, "POST", path, body, kind)
    assert found[0] == status, found
    assert found[1]["error"]["code"] == "INVALID_MESSAGE"


def test_a_recording_leaves_no_session_behind(pair: Pair) -> None:
    with Stack(retention_ms=1000) as own, own.node(pair):
        assert ask(own, "POST", at(pair), wav())[0] == 200
        with own.redis as client:
            wait_until(lambda: not client.keys("sd:*:session:http-*"), "its session to end")


def test_no_more_than_so_many_wait_for_recordings(pair: Pair) -> None:
    """Asking for one sent before was not counted: each of thousands looked at Redis 20 times a second."""
    with Stack() as own, own.node(pair, answer=None), ExitStack() as leaving:
        job_id = ask(own, "POST", at(pair, wait_s=0), wav())[1]["job_id"]
        path = f"utterances/{job_id}"
        for _ in range(256):
            waits = leaving.enter_context(socket.create_connection(("127.0.0.1", own.webs[0].port)))
            waits.sendall(f"GET /api/v1/{path}?wait_s=60 HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        wait_until(lambda: ask(own, "GET", f"{path}?wait_s=1")[0] == 429, "as many to wait as may")
        status, found, headers = ask(own, "GET", f"{path}?wait_s=1")
        assert (status, found["error"]["code"], headers["Retry-After"]) == (429, "NODE_OVERLOADED", "1")
        assert ask(own, "GET", path)[0] == 202, "who does not wait is answered"
