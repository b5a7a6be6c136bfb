"""The server's half of the WebSocket handshake, for a request that the WSGI server has already parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, RejectConnection, Request
from wsproto.extensions import Extension
from wsproto.utilities import RemoteProtocolError

from web.deflate import Deflate, offer
from web.options import ConnectionOptions

#: The request headers that take part; the others could only make the second parser refuse the request.
_HEADERS = (
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
)


class HandshakeError(Exception):
    """The request is no WebSocket handshake we can accept; answer it with `status` and `headers`."""

    def __init__(self, message: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was agreed, and the 101 response that says so."""

    response: bytes
    subprotocol: str | None
    deflate: Deflate | None


def accept(environ: Mapping[str, Any], options: ConnectionOptions) -> Accepted:
    """Answer an upgrade request; raises HandshakeError."""
    try:
        return _accept(environ, options)
    except RemoteProtocolError as error:
        raise _refusal(error) from error
    except ValueError as error:  # wsproto decodes and counts what the peer wrote without a guard
        raise HandshakeError(f"A WebSocket header cannot be read: {error}") from error


def _accept(environ: Mapping[str, Any], options: ConnectionOptions) -> Accepted:
    ws = WSConnection(ConnectionType.SERVER)
    ws.receive_data(_request_bytes(environ))
    request = next(event for event in ws.events() if isinstance(event, Request))
    subprotocol = next((name for name in request.subprotocols if name in options.subprotocols), None)
    deflate = offer()
    extensions: list[Extension] = [deflate] if options.deflate else []
    response = ws.send(AcceptConnection(subprotocol=subprotocol, extensions=extensions))
    return Accepted(bytes(response), subprotocol, Deflate(deflate) if deflate.enabled() else None)


def _request_bytes(environ: Mapping[str, Any]) -> bytes:
    """Write the request out again, since wsproto wants to parse it itself; it has no use for the host."""
    named = ((name, environ.get("HTTP_" + name.upper().replace("-", "_"))) for name in _HEADERS)
    lines = [f"{name}: {value}\r\n" for name, value in named if value is not None]
    return ("GET / HTTP/1.1\r\nHost: server\r\n" + "".join(lines) + "\r\n").encode("latin-1")


def _refusal(error: RemoteProtocolError) -> HandshakeError:
    hint = error.event_hint
    if not isinstance(hint, RejectConnection):
        return HandshakeError(str(error))
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in hint.headers}
    return HandshakeError(str(error), hint.status_code, headers)
