"""Flask-Sock with our connections: limits for each path, and an end that no log mistakes for an error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, got_request_exception, request
from flask_sock import Sock
from werkzeug.local import LocalProxy

from scheduling.credentials import Identity, Refusal, Role
from web.close_codes import CloseCode
from web.connection import Connection, ConnectionClosed
from web.gate import Gate
from web.handshake import HandshakeError
from web.keepalive import Keepalive
from web.options import ConnectionOptions
from web.registry import Registry

Handler = Callable[..., None]
#: Looks at a handshake, a role and the secret in the path: gives who it is, None when only the first message
#: will tell. Raises `Refusal`.
Door = Callable[[Mapping[str, Any], Role, str | None], Identity | None]

_CROWDED = "Too many connect at once"


class Sockets(Sock):  # type: ignore[misc]  # an untyped package
    """WebSocket routes whose handlers get a `Connection`; one for the whole process.

    Flask-Sock itself ends a handled request by raising StopIteration through Flask, which error trackers
    report, and writes a 500 page into the stream when a handler fails. Here the TCP connection is shut down
    first, and then an empty response is returned like any other: gunicorn cannot write it, knows that from
    clients who hang up, and closes the socket in silence.
    """

    app: Flask | None
    bp: Blueprint | None

    def __init__(
        self,
        app: Flask | None = None,
        *,
        registry: Registry | None = None,
        keepalive: Keepalive | None = None,
        gate: Gate | None = None,
        door: Door | None = None,
    ) -> None:
        self.registry = registry if registry is not None else Registry()
        self.keepalive = keepalive if keepalive is not None else Keepalive()
        self.gate = gate
        self.door = door
        super().__init__(app)

    def route(
        self, path: str, options: ConnectionOptions | None = None, bp: Blueprint | None = None, **rule: Any
    ) -> Callable[[Handler], Handler]:
        """Make the decorated function a path's handler; it gets the connection and the URL's variables.

        When it returns, the connection is closed as NORMAL, unless it has ended otherwise; when it fails, as
        INTERNAL_ERROR, and the error is logged. `rule` goes to Flask's `route`.
        """
        limits = options or ConnectionOptions()

        def decorate(handler: Handler) -> Handler:
            @wraps(handler)
            def view(**variables: Any) -> Response:
                return self._serve(handler, limits, variables)

            self._target(bp).route(path, websocket=True, **rule)(view)
            return handler

        return decorate

    def _target(self, bp: Blueprint | None) -> Flask | Blueprint:
        if bp is not None:
            return bp
        if self.app is not None:
            return self.app
        if self.bp is None:
            self.bp = Blueprint("sockets", __name__)
        return self.bp

    def _serve(self, handler: Handler, options: ConnectionOptions, variables: dict[str, Any]) -> Response:
        if self.registry.retry_after_s is not None:
            return _refusal("This server is going away", self.registry.retry_after_s)
        try:
            identity = self._at_door(options, variables)
        except Refusal as refusal:
            return _turned_away(refusal)
        back_in_s = self.gate.admit(is_node=options.first) if self.gate else None
        # Scripts in browsers are not shown what answers a handshake, so those are let in to be told.
        if back_in_s is not None and "HTTP_ORIGIN" not in request.environ:
            return _refusal(_CROWDED, back_in_s)
        try:
            connection = Connection(request.environ, options)
        except HandshakeError as error:
            return Response(f"{error}\n", error.status, error.headers, mimetype="text/plain")
        connection.identity = identity
        self.registry.add(connection)
        if back_in_s is not None:
            connection.close(CloseCode.TRY_AGAIN_LATER, _come_back(_CROWDED, back_in_s))
            connection.finish()
            self.registry.discard(connection)
            return Response(status=101)
        self.keepalive.add(connection)
        try:
            self._handle(handler, connection, variables)
        finally:
            self.keepalive.discard(connection)
            connection.hang_up()
            self.registry.discard(connection)
        return Response(status=101)

    def _at_door(self, options: ConnectionOptions, variables: dict[str, Any]) -> Identity | None:
        secret = variables.pop("secret", None)
        if self.door is None or options.role is None:
            return None
        return self.door(request.environ, options.role, secret)

    def _handle(self, handler: Handler, connection: Connection, variables: dict[str, Any]) -> None:
        try:
            handler(connection, **variables)
        except Exception as error:  # noqa: BLE001 (the stream must end in order, whatever a handler raises)
            # The end of this connection is how handlers end; that of another one, met in here, is a mistake.
            if not (isinstance(error, ConnectionClosed) and connection.closed):
                _report(error)
                connection.close(CloseCode.INTERNAL_ERROR, "The server failed on this connection; reconnect")
        connection.finish()


def _report(error: Exception) -> None:
    """Tell the log and the error trackers, as Flask does for a failed request."""
    app = cast("LocalProxy[Flask]", current_app)._get_current_object()
    app.log_exception(sys.exc_info())
    got_request_exception.send(app, exception=error)


def _come_back(why: str, after_s: float) -> str:
    return f"{why}; come back in {after_s:.1f} s"


def _turned_away(refusal: Refusal) -> Response:
    headers = {"WWW-Authenticate": 'Bearer realm="speech-dispatch"'} if refusal.status == 401 else {}
    return Response(f"{refusal.code}: {refusal.message}\n", refusal.status, headers, mimetype="text/plain")


def _refusal(why: str, retry_after_s: float) -> Response:
    headers = {"Retry-After": str(max(1, round(retry_after_s)))}
    return Response(f"{_come_back(why, retry_after_s)}\n", 503, headers, mimetype="text/plain")
