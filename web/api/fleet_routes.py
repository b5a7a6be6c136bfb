"""The reads of the whole fleet: stats, cluster, metrics, languages."""

from flask import Blueprint, Response, jsonify, request

from scheduling import explain
from web.api.asked import limit_of
from web.api.autoscaling import read_autoscaling
from web.api.cluster import read_cluster
from web.api.errors import bad_request
from web.api.fleet import Languages, read_stats
from web.api.memory import read_cell_memory
from web.api.metrics import read_metrics
from web.dispatcher import Dispatcher

_MOST = 500
_DEFAULT = 100


def add_fleet(api: Blueprint, dispatcher: Dispatcher) -> None:
    """Add what operators read."""

    @api.get("/stats")
    def stats() -> Response:
        return jsonify(read_stats(dispatcher).model_dump(mode="json"))

    @api.get("/metrics")
    def metrics() -> Response:
        return jsonify(read_metrics(dispatcher).model_dump(mode="json"))

    @api.get("/autoscaling")
    def autoscaling() -> Response:
        return jsonify(read_autoscaling(dispatcher).model_dump(mode="json"))

    @api.get("/memory")
    def memory() -> Response:
        return jsonify(read_cell_memory(dispatcher).model_dump(mode="json"))

    @api.get("/cluster")
    def cluster() -> Response:
        limit, cursor = limit_of(request, _MOST, _DEFAULT), request.args.get("cursor", "")
        try:
            view = read_cluster(dispatcher.ledger.cell, limit, cursor)
        except explain.BadCursor as error:
            raise bad_request(str(error)) from error
        return jsonify(view.model_dump(mode="json"))


def add_languages(public: Blueprint, dispatcher: Dispatcher) -> None:
    """Add what everybody may read."""
    known = Languages()

    @public.get("/languages")
    def languages() -> Response:
        return jsonify(known.of(dispatcher.catalog).model_dump(mode="json"))
