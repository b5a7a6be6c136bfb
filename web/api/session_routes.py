"""Reads of one session, and the dry run of a placement under the name the earlier server had for it."""

import json

from flask import Blueprint, Response, jsonify, request

from scheduling import explain
from scheduling.explain.views import ConsideredPool, Excluded, View
from scheduling.ledger import Cell
from scheduling.ledger.cell import text
from web.api.asked import SERVICES, language_of
from web.api.errors import ApiError, bad_request

#: Languages of one session that are shown; a session speaks into one, in a room into a few.
_MOST_ORDERS = 64


class Order(View):
    """Results of one target language: ``next`` is the number the next utterance gets."""

    next: int
    released: int
    running: int


class Session(View):
    """One session, never what was said in it."""

    session_id: str
    instance: str
    closed: bool
    created_ms: int
    src_lang: str | None
    tgt_lang: str | None
    tenant: str | None
    next_index: int
    orders: dict[str, Order]
    sent: int
    """Entries of its out stream so far."""


class Simulation(View):
    """Where a job that came now would go; nothing is reserved."""

    required: list[str]
    selected_node_id: str | None
    outcome: str
    sentence: str
    pools: list[ConsideredPool]
    breakdown: list[Excluded]


def read_session(cell: Cell, session_id: str) -> Session:
    """Read a session's record. Raises `ApiError` (404) and `StoreError`."""
    found = cell.store.command("HGETALL", cell.keys.session(session_id))
    record = {text(name): text(value) for name, value in zip(found[::2], found[1::2], strict=True)}
    if "owner" not in record:
        raise ApiError(404, "NOT_FOUND", f"There is no session {session_id[:64]}, or it ended long ago.")
    profile = json.loads(record.get("profile") or "{}")
    orders = {}
    for name in [name for name in record if name.startswith("order:")][:_MOST_ORDERS]:
        following, released = int(record[name]), int(record.get(f"released:{name[6:]}", 0))
        orders[name[6:]] = Order(next=following, released=released, running=following - released)
    return Session(
        session_id=session_id,
        instance=record["owner"],
        closed=record.get("closed") == "1",
        created_ms=int(record.get("created_ms", 0)),
        src_lang=profile.get("src_lang"),
        tgt_lang=profile.get("tgt_lang"),
        tenant=profile.get("tenant_id"),
        next_index=int(record.get("next_index") or 0),
        orders=orders,
        sent=int(record.get("out_seq", 0)),
    )


def add_sessions(api: Blueprint, cell: Cell) -> None:
    """Add the routes."""

    @api.get("/sessions/<session_id>")
    def session(session_id: str) -> Response:
        return jsonify(read_session(cell, session_id).model_dump(mode="json"))

    @api.get("/simulate")
    def simulate() -> Response:
        required = request.args.getlist("required") or ["asr", "nmt", "tts"]
        if unknown := [name for name in required if name not in SERVICES]:
            raise bad_request(f"required is {unknown[0][:20]!r}. Send some of {', '.join(SERVICES)}.")
        src = language_of(request, "src_lang") if "src_lang" in request.args else "zh"
        tgt = language_of(request, "tgt_lang") if "tgt_lang" in request.args else "en"
        tenant = request.args.get("tenant_id", "").strip() or None
        avoid = request.args.get("exclude_node_id", "")
        found = explain.explain_pair(cell, src, tgt, required, tenant, [], avoid)
        view = Simulation(
            required=required,
            selected_node_id=found.node,
            outcome=found.outcome,
            sentence=found.sentence,
            pools=found.pools,
            breakdown=found.excluded,
        )
        return jsonify(view.model_dump(mode="json"))
