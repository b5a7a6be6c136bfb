"""Flask-Sock with our connections: limits for each path, and an end that no log mistakes for an error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from web.limiter import Limiter
from web.options import ConnectionOptions
from web.refused import Refused, whole_seconds
from web.registry import Registry

Handler = Callable[..., None]
#: Looks at a handshake, a role and the secret in the path: gives who it is, None when only the first message
#: will tell. Raises `Refusal`.
Door = Callable[[Mapping[str, Any], Role, str | None], Identity | None]

_CROWDED = "Too many connect at once"
_TOO_MANY = "Too many connections of your address"


@dataclass(frozen=True, slots=True)
class _TurnedAway:
    """A handshake that is not let in: the sentence that says why and for how long, the status beside it."""

    says: str
    status: int
    after_s: float


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
        limiter: Limiter | None = None,
        door: Door | None = None,
    ) -> None:
        self.registry = registry if registry is not None else Registry()
        self.keepalive = keepalive if keepalive is not None else Keepalive()
        self.gate = gate
        self.limiter = limiter
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
            after_s = self.registry.retry_after_s
            return _refusal(_TurnedAway(_come_back("This server is going away", after_s), 503, after_s))
        turned_away = self._too_many()
        entered, identity = turned_away is None, None
        try:
            if entered:
                identity = self._at_door(options, variables)
                turned_away = self._crowded(options)
            # Scripts in browsers are not shown what answers a handshake, so those are let in to be told.
            if turned_away and "HTTP_ORIGIN" not in request.environ:
                return _refusal(turned_away)
            return self._accept(handler, options, variables, identity, turned_away)
        except Refusal as refusal:
            return _turned_away(refusal)
        finally:
            if entered and self.limiter:
                self.limiter.leave(request.environ)

    def _too_many(self) -> _TurnedAway | None:
        """Ask whether another one of this address may come in; who may is to leave again."""
        try:
            if self.limiter:
                self.limiter.enter(request.environ)
        except Refused as refused:
            after_s = (refused.retry_after_ms or 0) / 1000
            return _TurnedAway(_come_back(_TOO_MANY, after_s), 429, after_s)
        return None

    def _crowded(self, options: ConnectionOptions) -> _TurnedAway | None:
        """Ask whether anybody may come in now."""
        back_in_s = self.gate.admit(is_node=options.first) if self.gate else None
        return None if back_in_s is None else _TurnedAway(_come_back(_CROWDED, back_in_s), 503, back_in_s)

    def _accept(
        self,
        handler: Handler,
        options: ConnectionOptions,
        variables: dict[str, Any],
        identity: Identity | None,
        turned_away: _TurnedAway | None,
    ) -> Response:
        try:
            connection = Connection(request.environ, options)
        except HandshakeError as error:
            return Response(f"{error}\n", error.status, error.headers, mimetype="text/plain")
        connection.identity = identity
        self.registry.add(connection)
        if turned_away:
            connection.close(CloseCode.TRY_AGAIN_LATER, turned_away.says)
            connection.finish()
            self.registry.discard(connection)
            return Response(status=101)
        if self.limiter:
            connection.on_held_back = self.limiter.note_held_back
        self.keepalive.add(connection)
        try:
            self._handle(handler, connection, variables)
        finally:
            self.keepalive.discard(connection)
            connection.hang_up()
            self.registry.discard(connection)
        return Response(status=101)

    def _at_door(self, options: ConnectionOptions, variables: dict[str, Any]) -> Identity | None:
        """Ask who comes. Raises `Refusal`."""
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
    if refusal.retry_after_ms:
        headers["Retry-After"] = str(whole_seconds(refusal.retry_after_ms))
    return Response(f"{refusal.code}: {refusal.message}\n", refusal.status, headers, mimetype="text/plain")


def _refusal(turned_away: _TurnedAway) -> Response:
    headers = {"Retry-After": str(max(1, round(turned_away.after_s)))}
    return Response(f"{turned_away.says}\n", turned_away.status, headers, mimetype="text/plain")
