"""``/api/v1/dead``: jobs that took their nodes with them."""

from flask import Blueprint, Response, jsonify, request

from scheduling import explain
from web.api.asked import limit_of
from web.api.dead import DeadLetters
from web.api.errors import bad_request
from web.dispatcher import Dispatcher

_MOST = 500
_DEFAULT = 100


def add_dead(api: Blueprint, dispatcher: Dispatcher) -> None:
    """Add the routes."""
    letters = DeadLetters(dispatcher.ledger, dispatcher.bodies, dispatcher.uploads)

    @api.get("/dead")
    def dead_letters() -> Response:
        limit, cursor = limit_of(request, _MOST, _DEFAULT), request.args.get("cursor", "")
        try:
            return jsonify(letters.page(limit, cursor).model_dump(mode="json"))
        except explain.BadCursor as error:
            raise bad_request(str(error)) from error

    @api.get("/dead/<job_id>")
    def dead_letter(job_id: str) -> Response:
        return jsonify(letters.read(job_id).model_dump(mode="json"))

    @api.post("/dead/<job_id>/replay")
    def replay(job_id: str) -> Response:
        return jsonify(letters.replay(job_id).model_dump(mode="json"))

    @api.delete("/dead/<job_id>")
    def drop(job_id: str) -> Response:
        return jsonify(letters.drop(job_id).model_dump(mode="json"))
