"""Every change that an operator asks for is put on record, done or refused."""

import hashlib
import logging

from flask import Blueprint, Request, Response, g, jsonify, request

from scheduling.audit import Action, audit_page, note_action
from scheduling.errors import StoreError
from scheduling.explain import BadCursor
from scheduling.ledger.cell import Cell
from scheduling.ledger.codes import LedgerError
from web.api.asked import MOST_WORDS, limit_of
from web.api.errors import PREFIX, bad_request

_log = logging.getLogger(__name__)

_MOST = 500
_DEFAULT = 100
_READS = ("GET", "HEAD", "OPTIONS")
#: What a method does where the path does not say it.
_VERBS = {"POST": "add", "PUT": "set", "PATCH": "change", "DELETE": "drop"}
_DIGITS = 8
_LONGEST = 200


def add_audit(api: Blueprint, cell: Cell, instance: str) -> None:
    """Watch the routes of a blueprint, and add the one that tells what was seen.

    Called after its guard is in place: who was not let in leaves no record, or strangers could fill it.
    """

    @api.before_request
    def let_in() -> None:
        g.let_in = True

    @api.after_request
    def note(response: Response) -> Response:
        if request.method not in _READS and g.get("let_in"):
            _note(cell, _action(request, response, instance))
        return response

    @api.get("/audit")
    def audit() -> Response:
        limit, cursor = limit_of(request, _MOST, _DEFAULT), request.args.get("cursor", "")
        try:
            page = audit_page(cell, limit, cursor, request.args.get("target", "").strip())
        except BadCursor as error:
            raise bad_request(str(error)) from error
        return jsonify(page.model_dump(mode="json"))


def _note(cell: Cell, action: Action) -> None:
    """Write it to the log and the ledger; what was done is answered even when the ledger is away."""
    _log.info(
        "%s at %s: %s %s, status %d%s", action.who, action.address, action.action, action.target,
        action.status, f" ({action.reason})" if action.reason else "",
    )  # fmt: skip
    try:
        note_action(cell, action)
    except (StoreError, LedgerError) as error:
        _log.warning("the action above is in this log alone, not in the ledger's record: %s", error)


def _action(asked: Request, response: Response, instance: str) -> Action:
    body = response.get_json(silent=True) if response.status_code >= 400 else None
    error = body.get("error") if isinstance(body, dict) else None
    return Action(
        who=_who(asked),
        address=asked.remote_addr or "",
        forwarded=asked.headers.get("X-Forwarded-For", "")[:_LONGEST],
        instance=instance,
        action=_name(asked),
        target=":".join((asked.view_args or {}).values())[:_LONGEST],
        reason=_reason(asked),
        status=response.status_code,
        code=str(error.get("code", "")) if isinstance(error, dict) else "",
    )


def _who(asked: Request) -> str:
    """Name the caller so that tokens can be told apart, and none be guessed."""
    scheme, _, token = asked.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return "this machine"
    digest = hashlib.sha256(token.strip().encode("latin-1")).hexdigest()  # as WSGI has it: its very bytes
    named = f"{g.operator}, " if "operator" in g else ""
    return f"{named}token {digest[:_DIGITS]}"


def _name(asked: Request) -> str:
    """Name an action by its route: ``/nodes/<node_id>/drain`` is ``node.drain``."""
    rule = asked.url_rule.rule if asked.url_rule else asked.path
    words = [part for part in rule.removeprefix(PREFIX).split("/") if part and not part.startswith("<")]
    thing = words[0].removesuffix("s") if words else ""
    return f"{thing}.{words[-1] if len(words) > 1 else _VERBS.get(asked.method, asked.method.lower())}"


def _reason(asked: Request) -> str:
    """Give the reason that the body states; nothing else of it is kept."""
    body = asked.get_json(force=True, silent=True)
    reason = body.get("reason") if isinstance(body, dict) else None
    return " ".join(reason.split())[:MOST_WORDS] if isinstance(reason, str) else ""
