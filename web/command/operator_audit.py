"""The operator command ``audit``: who changed what, when and from where."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import Any

from web.command.operator_common import add_common, add_limit, pages, say
from web.command.operator_text import count, table


def add_audit_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `audit`."""
    parser.epilog = "Changes are on record, reads are not; AUDIT_ENTRIES and AUDIT_MS bound it."
    parser.add_argument("--target", default="", metavar="ID", help="only what was done to this node or job")
    add_common(parser)
    add_limit(parser, "actions")


def run_audit(args: Namespace) -> int:
    """List what operators did, the latest first."""
    return say(args, pages(args, "audit", "id", target=args.target), _actions)


def _actions(body: dict[str, Any]) -> str:
    if not body["audit"]:
        return "No operator has changed anything, as far as is on record."
    rows = [
        (
            datetime.fromtimestamp(one["at_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            one["who"],
            one["address"] + (f" for {one['forwarded']}" if one["forwarded"] else ""),
            one["action"],
            one["target"],
            one["code"] or "done",
            one["reason"],
        )
        for one in body["audit"]
    ]
    shown = f"{count(len(rows), 'action')} shown, {body['total']} on record."
    heads = ("WHEN (UTC)", "WHO", "FROM", "ACTION", "TARGET", "RESULT", "REASON")
    return f"{table(heads, rows)}\n\n{shown}"
