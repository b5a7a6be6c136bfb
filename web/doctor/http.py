"""A web process, or a proxy before it, as peers reach it: over HTTP and over a WebSocket."""

import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from scheduling.credentials.refusal import FORBIDDEN
from web.doctor.finding import Finding, Findings, failed, ok, warning

_TIMEOUT_S = 5.0
#: How a server without credentials begins. One that has some opens the socket, for the first message.
_SHUT = f"{FORBIDDEN}: ".encode()
_OPEN_IT = (
    "Set CREDENTIALS_FILE or CREDENTIALS of all web processes (docs/security.md); ADMIN_TOKEN is not enough."
)
_PASS = "Let the proxy pass Upgrade and Connection (docs/deploy/machines.md)."


def look_at_url(url: str) -> Findings:
    """Ask ``/ready``, and open a socket as a client would."""
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    ready = _ready(base)
    yield ready
    if ready.level != "failed":
        yield _socket(base)


def _ready(base: str) -> Finding:
    try:
        status, body = _get(f"{base}/ready")
    except (OSError, HTTPException, ValueError) as error:
        return failed(
            "http",
            f"Nobody answers at {base} ({error or type(error).__name__}).",
            "Start the web process, or mend the URL, the proxy, the firewall.",
        )
    if not isinstance(body, dict) or "ready" not in body:
        return failed(
            "http",
            f"What answers at {base}/ready is not speech-dispatch (status {status}).",
            "See where the proxy sends it.",
        )
    if status != 200:
        return failed("http", f"{base} is not ready: {body.get('reason')}.", "Wait, or look at its log.")
    if body.get("broker") != "ok":
        return warning(
            "http",
            f"{base} is ready; its broker is {body.get('broker')}.",
            "See that workers run and have it.",
        )
    return ok("http", f"{base} is ready ({body.get('instance')}, {body.get('nodes')} nodes).")


def _socket(base: str) -> Finding:
    url = f"ws{base.removeprefix('http')}/ws/session"
    try:
        with connect(url, open_timeout=_TIMEOUT_S, close_timeout=1.0):
            return ok("websocket", f"{url} opens.")
    except InvalidStatus as error:
        return _answered(url, error.response.status_code, bytes(error.response.body or b""))
    except (OSError, WebSocketException, TimeoutError) as error:
        return failed(
            "websocket",
            f"{url} does not open: {error or type(error).__name__}.",
            _PASS,
        )


def _answered(url: str, status: int, body: bytes) -> Finding:
    if status == 403 and body.startswith(_SHUT):
        said = body.removeprefix(_SHUT).decode("utf-8", "replace").strip()
        return failed("websocket", f"{url} lets nobody in ({status}): {said}", _OPEN_IT)
    if status in (401, 403):
        return ok("websocket", f"{url} is reached, and wants a credential ({status}).")
    if status == 503:
        return warning("websocket", f"{url} is full or new (503).", "Ask again in a moment.")
    return failed("websocket", f"{url} is answered with {status}, not with a WebSocket.", _PASS)


def _get(url: str) -> tuple[int, object]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is no http:// or https:// address")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        status, data = response.status, response.read()
    finally:
        connection.close()
    try:
        return status, json.loads(data)
    except ValueError:
        return status, None
