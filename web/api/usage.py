"""``/api/v1/usage``: what tenants or nodes have used, by day, as JSON or CSV."""

import csv
from datetime import date, timedelta
from io import StringIO

from flask import Blueprint, Request, Response, jsonify, request
from pydantic import Field

from scheduling.explain.views import View
from scheduling.usage import Amount, By, DayUsage, read_usage, today
from web.api.asked import one_of
from web.api.errors import bad_request
from web.dispatcher import Dispatcher

#: Days of one answer.
MOST_DAYS = 92
_CSV = "text/csv"
#: A table program would take a name that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class UsageRow(View):
    """One tenant or node on one day, UTC."""

    day: date
    name: str
    """Tenant or node. Empty: all clients that state no tenant; ``~``: those too many to tell apart."""
    audio_minutes: float
    """Of a tenant's accepted jobs; of a node's results."""
    utterances: int
    """A tenant's accepted jobs, one for each language; attempts that a node was sent."""
    results: int
    """Jobs done."""


class UsageReport(View):
    """Usage by day and tenant or node; days without any are left out."""

    by: str
    first: date = Field(serialization_alias="from")
    last: date = Field(serialization_alias="to")
    audio_minutes: float
    """Of all rows; so are the next two."""
    utterances: int
    results: int
    rows: list[UsageRow]


def add_usage(api: Blueprint, dispatcher: Dispatcher) -> None:
    """Add the route."""

    @api.get("/usage")
    def usage() -> Response:
        by: By = "node" if one_of(request, "by", ("tenant", "node")) == "node" else "tenant"
        first, last = _days(request)
        rows = read_usage(dispatcher.ledger.cell, by, first, last)
        if request.accept_mimetypes.best_match(["application/json", _CSV]) == _CSV:
            return Response(_csv(by, rows), mimetype=_CSV)
        return jsonify(_report(by, first, last, rows).model_dump(mode="json", by_alias=True))


def _days(asked: Request) -> tuple[date, date]:
    """Give the days from and to, both included; today where nothing is said. Raises `ApiError`."""
    last = _day(asked, "to", today())
    first = _day(asked, "from", last)
    if not timedelta(0) <= last - first < timedelta(days=MOST_DAYS):
        raise bad_request(
            f"from {first} to {last} is no span of 1 to {MOST_DAYS} days. Ask for less at once."
        )
    return first, last


def _day(asked: Request, name: str, default: date) -> date:
    if not (words := asked.args.get(name, "")):
        return default
    try:
        return date.fromisoformat(words)
    except ValueError as error:
        raise bad_request(f"{name} is {words[:20]!r}. Send a day such as 2026-11-28.") from error


def _report(by: By, first: date, last: date, rows: list[DayUsage]) -> UsageReport:
    total = Amount()
    for row in rows:
        total.add(row.amount)
    return UsageReport(
        by=by,
        first=first,
        last=last,
        audio_minutes=_minutes(total),
        utterances=total.utterances,
        results=total.results,
        rows=[
            UsageRow(
                day=row.day,
                name=row.name,
                audio_minutes=_minutes(row.amount),
                utterances=row.amount.utterances,
                results=row.amount.results,
            )
            for row in rows
        ],
    )


def _csv(by: By, rows: list[DayUsage]) -> str:
    written = StringIO()
    table = csv.writer(written)
    table.writerow(("day", by, "audio_minutes", "utterances", "results"))
    for row in rows:
        name = f"'{row.name}" if row.name.startswith(_FORMULA) else row.name
        table.writerow((row.day, name, _minutes(row.amount), row.amount.utterances, row.amount.results))
    return written.getvalue()


def _minutes(amount: Amount) -> float:
    return round(amount.audio_ms / 60_000, 3)
