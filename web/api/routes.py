"""The routes under ``/api/v1``: each reads its request, asks the domain, answers with a view."""

from collections.abc import Callable
from typing import Any, Literal

from flask import Blueprint, Flask, Response, jsonify, request
from pydantic import BaseModel

from scheduling import explain
from scheduling.settings import Settings
from web.api.access import Access
from web.api.asked import language_of, languages_of, limit_of, one_of, reason_of, services_of
from web.api.audit import add_audit
from web.api.control import Control
from web.api.dead_routes import add_dead
from web.api.documents import openapi
from web.api.errors import PREFIX, add_error_handlers, bad_request
from web.api.fleet_routes import add_fleet, add_languages
from web.api.revocation_routes import add_revocations
from web.api.session_routes import add_sessions
from web.api.upload_routes import add_uploads
from web.api.usage import add_usage
from web.dispatcher import Dispatcher

_STATES = ("waiting", "assigned", "dispatched", "accepted", "started")
_MOST = 500
_DEFAULT = 100


def make_api(app: Flask, settings: Settings, dispatcher: Dispatcher) -> None:
    """Add the API to the application."""
    api = Blueprint("api", "web.api", url_prefix=PREFIX.rstrip("/"))
    access = Access(dispatcher.admission, dispatcher.ledger.cell)
    api.before_request(lambda: access.require_operator(request))
    add_audit(api, dispatcher.ledger.cell, dispatcher.instance)
    _add_reads(api, dispatcher)
    add_fleet(api, dispatcher)
    add_sessions(api, dispatcher.ledger.cell)
    add_dead(api, dispatcher)
    add_usage(api, dispatcher)
    add_revocations(api, dispatcher.credential_watch)
    _add_explanations(api, dispatcher)
    _add_controls(api, Control(dispatcher.ledger, dispatcher.publisher))
    app.register_blueprint(api)
    public = Blueprint("public_api", "web.api", url_prefix=PREFIX.rstrip("/"))
    add_languages(public, dispatcher)
    add_uploads(public, settings, dispatcher, access)
    described = openapi()

    @public.get("/openapi.json")
    def document() -> Response:
        return jsonify(described)

    app.register_blueprint(public)
    add_error_handlers(app)


def _add_reads(api: Blueprint, dispatcher: Dispatcher) -> None:
    cell = dispatcher.ledger.cell

    @api.get("/nodes")
    def nodes() -> Response:
        limit, cursor = limit_of(request, _MOST, _DEFAULT), request.args.get("cursor", "")
        return _page(lambda: explain.node_page(cell, limit, cursor))

    @api.get("/nodes/<node_id>")
    def node(node_id: str) -> Response:
        return _view(explain.read_node(cell, node_id))

    @api.get("/pools")
    def pools() -> Response:
        return _view(explain.pool_list(cell, limit_of(request, _MOST, _DEFAULT)))

    @api.get("/jobs")
    def jobs() -> Response:
        limit, cursor = limit_of(request, _MOST, _DEFAULT), request.args.get("cursor", "")
        state = one_of(request, "state", _STATES)
        return _page(lambda: explain.job_page(cell, limit, cursor, state))

    @api.get("/jobs/<job_id>")
    def job(job_id: str) -> Response:
        return _view(explain.read_job(cell, job_id))


def _add_explanations(api: Blueprint, dispatcher: Dispatcher) -> None:
    cell = dispatcher.ledger.cell

    @api.get("/explain")
    def explain_pair() -> Response:
        tenant = request.args.get("tenant", "").strip() or None
        return _view(
            explain.explain_pair(
                cell,
                language_of(request, "src"),
                language_of(request, "tgt"),
                services_of(request),
                tenant,
                languages_of(request, "auto_langs"),
            )
        )

    @api.get("/nodes/<node_id>/explain")
    def explain_node(node_id: str) -> Response:
        return _view(explain.explain_node(cell, node_id))

    @api.get("/jobs/<job_id>/explain")
    def explain_job(job_id: str) -> Response:
        return _view(explain.explain_job(cell, job_id))


def _add_controls(api: Blueprint, control: Control) -> None:
    verbs: tuple[tuple[str, Literal["operator", "quarantine", ""]], ...] = (
        ("drain", "operator"),
        ("undrain", ""),
        ("quarantine", "quarantine"),
    )
    for verb, by in verbs:

        def change(node_id: str, by: Literal["operator", "quarantine", ""] = by) -> Response:
            return _view(control.drain(node_id, by, reason_of(request)))

        api.add_url_rule(f"/nodes/<node_id>/{verb}", verb, change, methods=["POST"])

    @api.post("/jobs/<job_id>/cancel")
    def cancel(job_id: str) -> Response:
        return _view(control.cancel(job_id, reason_of(request)))


def _page(read: Callable[[], BaseModel]) -> Response:
    """Answer with a page; what is wrong with its cursor is the caller's."""
    try:
        return _view(read())
    except explain.BadCursor as error:
        raise bad_request(str(error)) from error


def _view(view: BaseModel) -> Response:
    body: dict[str, Any] = view.model_dump(mode="json")
    return jsonify(body)
