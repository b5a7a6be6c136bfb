"""Errors of the HTTP API: ``{"error": {"code", "message"}}`` with the status that fits."""

import logging

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing.exceptions import WebsocketMismatch

from scheduling.credentials import Refusal
from scheduling.errors import ScriptError, StoreError
from scheduling.hints import hint
from scheduling.ledger.codes import UnknownJob, UnknownNode
from scheduling.messages import ErrorCode
from web.pages import lost_page
from web.refused import whole_seconds

_log = logging.getLogger(__name__)

PREFIX = "/api/v1/"

_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}


class ApiError(Exception):
    """A request that is answered with an error: its status, a code, a sentence, when to come back (s)."""

    def __init__(self, status: int, code: str, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s


def refused_by(refusal: Refusal) -> ApiError:
    """Answer whoever may not enter."""
    after_ms = refusal.retry_after_ms
    return ApiError(
        refusal.status, refusal.code, refusal.message, whole_seconds(after_ms) if after_ms else None
    )


def bad_request(message: str) -> ApiError:
    """Refuse what the caller sent; the sentence says what to send instead."""
    return ApiError(400, ErrorCode.INVALID_MESSAGE, message)


def add_error_handlers(app: Flask) -> None:
    """Answer every error of the API as JSON; others as a page to browsers, in a sentence to programs."""

    @app.errorhandler(ApiError)
    def refused(error: ApiError) -> Response:
        response = _answer(error.status, error.code, error.message)
        if error.retry_after_s is not None:
            response.headers["Retry-After"] = str(error.retry_after_s)
        if error.status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="speech-dispatch"'
        return response

    @app.errorhandler(UnknownNode)
    @app.errorhandler(UnknownJob)
    def unknown(error: UnknownNode | UnknownJob) -> Response:
        name = next(iter((request.view_args or {}).values()), "")
        if isinstance(error, UnknownNode):
            said = f"There is no node {name}, or it was offline for too long."
        else:
            said = f"There is no job {name}, or it ended long ago."
        return _answer(404, "NOT_FOUND", said)

    @app.errorhandler(StoreError)
    def store_down(error: StoreError) -> Response:
        if isinstance(error, ScriptError):
            return broken(error)
        _log.warning("%s %s waits for the ledger in vain: %s", request.method, request.path, error)
        response = _answer(503, ErrorCode.SCHEDULER_DEPENDENCY_DOWN, hint("SCHEDULER_DEPENDENCY_DOWN"))
        response.headers["Retry-After"] = "5"
        return response

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response | HTTPException:
        if not request.path.startswith(PREFIX):
            return _elsewhere(error)
        status = error.code or 500
        code = _CODES.get(status, ErrorCode.INVALID_MESSAGE if status < 500 else ErrorCode.INTERNAL_ERROR)
        said = f"There is no {request.path} here." if status == 404 else error.description or ""
        response = _answer(status, code, said)
        for name, value in error.get_headers():
            if name == "Allow":
                response.headers[name] = value
        return response

    def broken(error: Exception) -> Response:
        _log.error("%s %s failed", request.method, request.path, exc_info=error)
        return _answer(500, ErrorCode.INTERNAL_ERROR, hint("INTERNAL_ERROR"))


def _elsewhere(error: HTTPException) -> Response:
    """Answer an error outside of the API; what Flask says of one is neither a page nor a sentence."""
    if error.code == 404 and "text/html" in request.headers.get("Accept", ""):
        return lost_page()
    said = error.description or error.name
    if error.code == 404:
        said = f"There is nothing at {request.path}. Clients dial /ws/session, nodes /ws/node."
    elif isinstance(error, WebsocketMismatch):
        said = f"{request.path} is a WebSocket address: dial it with ws:// or wss:// (docs/protocol.md)."
    headers = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    return Response(f"{said}\n", error.code or 500, headers, mimetype="text/plain")


def _answer(status: int, code: str, message: str) -> Response:
    response = jsonify(error={"code": str(code), "message": message})
    response.status_code = status
    return response
