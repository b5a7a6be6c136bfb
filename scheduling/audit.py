"""What operators did to the cell: a bounded record of who, when, from where, what, and with which result."""

import re
from uuid import uuid4

from pydantic import ConfigDict

from scheduling.explain.paging import BadCursor
from scheduling.explain.reading import read_cell
from scheduling.explain.views import View
from scheduling.ledger.cell import Cell, text
from scheduling.store.base import Part

#: Records looked at for one page that is asked for one target only.
_MOST_LOOKS = 1000
_ID = re.compile(r"\d{1,19}-\d{1,19}")


class Action(View):
    """One thing that an operator did, or was refused."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # another version may know more of it

    who: str
    """``token`` with the first 8 digits of the token's SHA-256, ``this machine``, or ``canary``."""
    address: str
    """Of the peer of the web process: the operator's own, or that of the proxy."""
    forwarded: str = ""
    """What ``X-Forwarded-For`` said; whoever sends it may write there what he likes."""
    instance: str
    """Web process that did it."""
    action: str
    """Such as ``node.drain``, ``job.cancel``, ``dead.drop``."""
    target: str = ""
    """Id of the node, job or dead letter; of a revocation its kind and name, as ``subject:anna``."""
    reason: str = ""
    status: int
    """HTTP status of the answer: 200 where it was done, also where nobody asked over HTTP."""
    code: str = ""
    """Error code of the answer; empty where it was done."""


class Audited(Action):
    """A record of an action."""

    id: str
    at_ms: int


class AuditPage(View):
    """What operators did, the latest first."""

    now_ms: int
    audit: list[Audited]
    total: int
    """Records that are kept."""
    next_cursor: str | None


def note_action(cell: Cell, action: Action) -> None:
    """Put an action on record. Raises `LedgerError` and `StoreError`."""
    settings = cell.settings
    if settings.audit_entries and settings.audit_ms:
        args: list[Part] = [uuid4().hex, settings.audit_entries, settings.audit_ms, action.model_dump_json()]
        cell.call("note_action", [cell.keys.audit], args)


def audit_page(cell: Cell, limit: int, cursor: str = "", target: str = "") -> AuditPage:
    """Give records, the latest first, of one target if it is given.

    A page may hold fewer than ``limit`` although there are more: then it has a cursor. Raises `BadCursor`
    and `StoreError`.
    """
    if cursor and not _ID.fullmatch(cursor):
        raise BadCursor(f"{cursor[:40]!r} is no cursor. Send the next_cursor of the page before.")
    looks = _MOST_LOOKS if target else limit
    now_ms, _ = read_cell(cell)
    oldest_ms = max(0, now_ms - cell.settings.audit_ms)
    found, total = cell.store.commands(
        [
            ("XREVRANGE", cell.keys.audit, f"({cursor}" if cursor else "+", oldest_ms, "COUNT", looks + 1),
            ("XLEN", cell.keys.audit),
        ]
    )
    actions = [_read(text(name), fields) for name, fields in found[:looks]]
    shown = [one for one in actions if target in ("", one.target)]
    last = shown[limit - 1] if len(shown) > limit else actions[-1] if len(found) > looks else None
    return AuditPage(now_ms=now_ms, audit=shown[:limit], total=total, next_cursor=last.id if last else None)


def _read(name: str, fields: list[bytes]) -> Audited:
    members = dict(zip(fields[::2], fields[1::2], strict=True))
    action = Action.model_validate_json(members[b"action"])
    return Audited(id=name, at_ms=int(members[b"at_ms"]), **action.model_dump())
