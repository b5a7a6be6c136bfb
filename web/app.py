"""The Flask application: two WebSocket paths and the endpoints that say how the process is."""

from typing import Any

from flask import Flask, Response, jsonify, request

from scheduling.credentials import CLIENT, NODE
from scheduling.settings import Settings
from web.api import make_api
from web.background import read_background
from web.connection import Connection
from web.dispatcher import Dispatcher
from web.gate import Gate
from web.keepalive import Keepalive
from web.liveness import why_not_alive
from web.metrics.route import add_metrics
from web.options import ConnectionOptions
from web.pages import add_pages
from web.shutdown import Shutdown
from web.socket_routes import Sockets
from web.timing import link_summary


def create_app(settings: Settings, dispatcher: Dispatcher) -> Flask:
    """Build the application around a started dispatcher."""
    app = Flask("web")
    gate = Gate(settings.handshakes_per_s, settings.handshake_burst)
    sockets = Sockets(
        app,
        registry=dispatcher.registry,
        keepalive=Keepalive(settings.ping_s),
        gate=gate,
        limiter=dispatcher.limiter,
        door=dispatcher.admission.at_handshake,
    )
    shutdown = Shutdown(dispatcher, sockets.registry)
    app.extensions["shutdown"] = shutdown
    _add_sockets(sockets, settings, dispatcher)
    _add_endpoints(app, dispatcher, shutdown, sockets)
    make_api(app, settings, dispatcher)
    add_metrics(app, dispatcher, sockets)
    add_pages(app)
    return app


def _add_sockets(sockets: Sockets, settings: Settings, dispatcher: Dispatcher) -> None:
    node_options = ConnectionOptions(
        max_message_bytes=settings.message_bytes,
        max_queue_bytes=settings.node_outbound_bytes,
        write_timeout_s=settings.write_timeout_s,
        messages_per_s=settings.messages_per_s,
        bytes_per_s=settings.bytes_per_s,
        role=NODE,
        first=True,
    )
    client_options = ConnectionOptions(
        max_message_bytes=settings.message_bytes,
        max_queue_bytes=settings.outbound_bytes,
        write_timeout_s=settings.write_timeout_s,
        messages_per_s=settings.messages_per_s,
        bytes_per_s=settings.bytes_per_s,
        role=CLIENT,
        deflate=True,
    )

    # The secret of a path is for existing programs, which cannot send a credential otherwise.
    @sockets.route("/ws/node/<secret>", node_options, endpoint="node_by_secret")
    @sockets.route("/ws/node", node_options)
    def node(connection: Connection) -> None:
        dispatcher.nodes.serve(connection)

    @sockets.route("/ws/session/<secret>", client_options, endpoint="session_by_secret")
    @sockets.route("/ws/session", client_options)
    def session(connection: Connection) -> None:
        dispatcher.sessions.serve(connection)


def _add_endpoints(app: Flask, dispatcher: Dispatcher, shutdown: Shutdown, sockets: Sockets) -> None:
    @app.get("/health")
    def health() -> Response:
        if reason := why_not_alive(dispatcher):
            return Response(f"{reason}\n", 503, mimetype="text/plain")
        return Response("OK\n", mimetype="text/plain")

    @app.get("/ready")
    def ready() -> tuple[Response, int]:
        if shutdown.begun:
            return jsonify(ready=False, reason="shutting down"), 503
        if reason := dispatcher.why_not_ready:
            return jsonify(ready=False, reason=reason), 503
        # A broker that is away does not keep this process from serving; operators see it here all the same.
        background = read_background(dispatcher).model_dump()
        nodes = len(dispatcher.peers.nodes)
        return jsonify(ready=True, instance=dispatcher.instance, nodes=nodes, **background), 200

    @app.get("/api/v1/process")
    def process() -> dict[str, Any]:
        """Tell what this one process does: sockets, flows, its link to the ledger; durations in ms."""
        classes = "classes" in request.args
        return {
            "instance": dispatcher.instance,
            "sockets": len(sockets.registry),
            "refused_handshakes": sockets.gate.refused if sockets.gate else 0,
            "refused_credentials": dict(dispatcher.admission.refused),
            "nodes": len(dispatcher.peers.nodes),
            "sessions": len(dispatcher.peers.sessions),
            "sent_elsewhere": dispatcher.rebalancer.asked,
            "pools_version": dispatcher.pools_version,
            "flows": dispatcher.timings.summary(classes=classes),
            "link": link_summary(dispatcher.store.stats, classes=classes),
            **read_background(dispatcher).model_dump(),
            "stale_messages": dispatcher.node_messages.stale,
        }
