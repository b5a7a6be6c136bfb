"""``/api/v1/revocations``: what was taken away, taking away, giving back."""

import time
from typing import Any, cast

from flask import Blueprint, Response, jsonify, request

from scheduling.credentials.revocations import KINDS, Entry
from scheduling.explain.views import View
from web.api.asked import reason_of
from web.api.errors import ApiError, bad_request
from web.credential_watch import CredentialWatch

_MOST_NAME = 256
#: A revocation lasts ten years at most where it ends at all, s.
_MOST_S = 10 * 365 * 86_400


class Revocation(View):
    """One revocation; times in ms of Unix time."""

    kind: str
    """credential, subject, tenant, key or node."""
    name: str
    reason: str
    at_ms: int
    until_ms: int | None
    """When it lapses; null for never."""


class RevocationList(View):
    """All revocations, in no order."""

    revocations: list[Revocation]


def add_revocations(api: Blueprint, watch: CredentialWatch) -> None:
    """Add the routes."""

    @api.get("/revocations")
    def revocations() -> Response:
        found = [_view(entry) for entry in watch.list.read().entries.values()]
        return jsonify(RevocationList(revocations=found).model_dump(mode="json"))

    @api.post("/revocations/<kind>/<name>")
    def revoke(kind: str, name: str) -> Response:
        _require_kind(kind, name)
        now_ms = time.time_ns() // 1_000_000
        entry = Entry(kind, name, reason_of(request), now_ms, _until_ms(now_ms))
        watch.list.add(entry)
        return jsonify(_view(entry).model_dump(mode="json"))

    @api.delete("/revocations/<kind>/<name>")
    def allow(kind: str, name: str) -> Response:
        _require_kind(kind, name)
        entry = watch.list.read().entries.get((kind, name))
        if entry is None or not watch.list.remove(kind, name):
            raise ApiError(404, "NOT_FOUND", f"There is no revocation of {kind} {name[:64]}.")
        return jsonify(_view(entry).model_dump(mode="json"))


def _require_kind(kind: str, name: str) -> None:
    if kind not in KINDS or len(name) > _MOST_NAME:
        raise bad_request(f"{kind[:20]!r} is no kind: send one of {', '.join(KINDS)}, and a name.")


def _until_ms(now_ms: int) -> int | None:
    body: Any = request.get_json(force=True, silent=True)
    lasts_s = cast(dict[str, Any], body).get("for_s") if isinstance(body, dict) else None
    if lasts_s is None:
        return None
    if isinstance(lasts_s, bool) or not isinstance(lasts_s, int) or not 0 < lasts_s <= _MOST_S:
        raise bad_request(f"for_s must be a whole number of seconds up to {_MOST_S}. Or leave it out.")
    return now_ms + 1000 * lasts_s


def _view(entry: Entry) -> Revocation:
    return Revocation(
        kind=entry.kind,
        name=entry.name,
        reason=entry.reason,
        at_ms=entry.at_ms,
        until_ms=entry.until_ms,
    )
