"""Asking a server's HTTP API, for the operator commands."""

import json
import os
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from web.command.errors import USAGE, CommandError

_TIMEOUT_S = 15.0
_PATH = "/api/v1/"


class ServerSilent(CommandError):
    """No server answers at the URL."""


class ServerRefused(CommandError):
    """The server declined; the sentence is its own."""

    def __init__(self, status: int, message: str) -> None:
        # The server speaks to whatever program asks; how a command is given a token it does not know.
        how = " A command sends --token, or ADMIN_TOKEN of the environment." if status == 401 else ""
        super().__init__(message + how)
        self.exit_code = USAGE if status in (400, 405) else 1


class BadUrl(CommandError):
    """What was given is no URL of a server."""

    exit_code = USAGE


class OperatorClient:
    """One server. Redirects are not followed: the token goes to nobody else."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise BadUrl(f"{url} is no address of a server: give one such as http://127.0.0.1:5010.")
        self._url = url
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, port
        self._base = parts.path.rstrip("/") + _PATH
        self._token = token

    def get(self, *path: str, **query: str | int) -> dict[str, Any]:
        """Ask; give the body. Raises `ServerSilent` and `ServerRefused`."""
        asked = {name: value for name, value in query.items() if value != ""}
        return self._ask("GET", path, f"?{urlencode(asked)}" if asked else "", None)

    def post(self, *path: str, reason: str = "", **other: Any) -> dict[str, Any]:
        """Do something for a reason; give the body. Raises as `get` does."""
        return self._ask("POST", path, "", json.dumps({"reason": reason, **other}))

    def delete(self, *path: str) -> dict[str, Any]:
        """Drop something; give what it was. Raises as `get` does."""
        return self._ask("DELETE", path, "", None)

    def _ask(self, method: str, path: tuple[str, ...], query: str, body: str | None) -> dict[str, Any]:
        kind = HTTPSConnection if self._secure else HTTPConnection
        connection = kind(self._host, self._port, timeout=_TIMEOUT_S)
        place = self._base + "/".join(quote(part, safe="") for part in path) + query
        try:
            connection.request(method, place, body, self._headers(body))
            response = connection.getresponse()
            status, data = response.status, response.read()
        except (OSError, HTTPException) as error:
            raise ServerSilent(
                f"No server answers at {self._url} ({error or type(error).__name__}). Is it running? "
                f"Name another with --url or SPEECH_DISPATCH_URL."
            ) from error
        finally:
            connection.close()
        return self._body(status, data)

    def _headers(self, body: str | None) -> dict[str, str | bytes]:
        headers: dict[str, str | bytes] = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}".encode()
        return headers

    def _body(self, status: int, data: bytes) -> dict[str, Any]:
        try:
            body = json.loads(data)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ServerSilent(f"What answers at {self._url} is not speech-dispatch (status {status}).")
        if status != 200:
            error = body.get("error")
            message = error.get("message") if isinstance(error, dict) else None
            raise ServerRefused(status, str(message or f"The server answered with status {status}."))
        return body


def default_url() -> str:
    """Give the server that the environment names, or this machine's."""
    return os.environ.get("SPEECH_DISPATCH_URL") or f"http://127.0.0.1:{os.environ.get('PORT') or 5010}"
