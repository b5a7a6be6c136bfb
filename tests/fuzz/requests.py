"""Requests to the HTTP API, in the process itself: no answer is a server's fault, and strangers get none."""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from unittest.mock import patch

from celery import Celery
from flask import Flask

from scheduling.settings import Settings
from scheduling.store.plain import PlainStore
from scheduling.store.stats import StoreStats
from tests.fuzz.entering import ADMIN_TOKEN, CREDENTIALS
from tests.fuzz.server import redis_url
from web.app import create_app
from web.dispatcher import Dispatcher

_DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
_METHODS = ("GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS")
#: Whoever asks to wait is let wait.
_WAITS = "wait_s="
_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class _Store(PlainStore):
    """Counts nothing, but can be asked what it counted."""

    def __init__(self, url: str, *, timeout_s: float, preload: object = None) -> None:
        super().__init__(url, timeout_s=timeout_s)
        self.stats = StoreStats()


@cache
def _app() -> Flask:
    settings = Settings(
        redis_url=redis_url(), credentials=CREDENTIALS, admin_token=ADMIN_TOKEN, peer_guesses=0
    )
    # The store of web processes needs one that gevent has patched.
    with patch("web.dispatcher.BatchedStore", _Store):
        return create_app(settings, Dispatcher(settings, Celery()))


@cache
def _guarded() -> dict[str, frozenset[str]]:
    """Give the methods of the endpoints that want a credential always, as the document says."""
    document = json.loads(_DOCUMENT.read_text(encoding="utf-8"))["paths"]
    wanted: dict[str, frozenset[str]] = {}
    for path, operations in document.items():
        methods = {
            name.upper() for name, one in operations.items() if {} not in (one.get("security") or [{}])
        }
        wanted[re.sub(r"\{(\w+)\}", r"<\1>", path)] = frozenset(methods)
    return wanted


def request(data: bytes) -> None:
    """A line with a method and an address, a line with the type of the body, and the body."""
    first, kind, body = [*data.split(b"\n", 2), b"", b""][:3]
    method, _, address = first.decode("latin-1").partition(" ")
    if method not in _METHODS or not address.startswith("/api/v1/") or _WAITS in address:
        return
    said = kind.decode("latin-1").strip()
    headers = {"Content-Type": said} if said.isascii() and said.isprintable() else {}
    with suppress(UnicodeError):  # no HTTP server hands such an address on
        _check(_app().test_client(), method, address, headers, body)


def _check(client: Any, method: str, address: str, headers: dict[str, str], body: bytes) -> None:
    stranger = client.open(address, method=method, headers=headers, data=body)
    operator = client.open(
        address, method=method, headers=headers | {"Authorization": f"Bearer {ADMIN_TOKEN}"}, data=body
    )
    for answer in (stranger, operator):
        assert answer.status_code != HTTPStatus.INTERNAL_SERVER_ERROR, answer.get_data()
        if answer.status_code >= HTTPStatus.BAD_REQUEST and method != "HEAD":
            said = answer.get_json()["error"]
            assert said["code"], said
            assert said["message"].endswith((".", "?")), said
            assert b"Traceback" not in answer.get_data()
    path = address.partition("?")[0]
    if any(method in methods and _matches(known, path) for known, methods in _guarded().items()):
        # Where even an operator is refused, nothing was told.
        assert stranger.status_code in _REFUSED or operator.status_code >= HTTPStatus.BAD_REQUEST, address


def _matches(rule: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"<\w+>", "[^/]+", rule), path) is not None


def seeds() -> Iterable[bytes]:
    document = json.loads(_DOCUMENT.read_text(encoding="utf-8"))["paths"]
    for path, operations in document.items():
        for method, one in operations.items():
            query = "&".join(
                f"{each['name']}={each.get('example', each.get('schema', {}).get('default', 'en'))}"
                for each in one.get("parameters", ())
                if each.get("in") == "query" and each["name"] != "wait_s"
            )
            address = re.sub(r"\{\w+\}", "x-1", path) + (f"?{query}" if query else "")
            yield f'{method.upper()} {address}\napplication/json\n{{"reason": "a new driver"}}'.encode()
