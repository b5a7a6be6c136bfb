"""``GET /metrics``: for whoever may use the operators' API."""

from flask import Flask, Response, request

from web.api.access import Access
from web.dispatcher import Dispatcher
from web.metrics.exposition import Exposition
from web.metrics.process import ProcessCounts
from web.socket_routes import Sockets


def add_metrics(app: Flask, dispatcher: Dispatcher, sockets: Sockets) -> None:
    """Add the path, and let this process tell the others what it counts."""
    counts = ProcessCounts(dispatcher, sockets)
    dispatcher.presence.measure = counts.read
    access = Access(dispatcher.admission, dispatcher.ledger.cell)
    exposition = Exposition(dispatcher, counts.read)

    @app.get("/metrics")
    def metrics() -> Response:
        access.require_operator(request)
        text, content_type = exposition.text(request.headers.get("Accept", ""))
        return Response(text, content_type=content_type)
