"""The operator command ``usage``: what tenants or nodes have used, by day."""

import csv
import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from web.command.operator_common import add_common, client_of, say
from web.command.operator_text import plain, table

_COLUMNS = ("day", "name", "audio_minutes", "utterances", "results")


def add_usage_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `usage`."""
    parser.add_argument("--from", dest="first", default="", metavar="DAY", help="as in 2026-11-01, UTC")
    parser.add_argument("--to", dest="last", default="", metavar="DAY", help="the last day (default today)")
    parser.add_argument(
        "--by", choices=("tenant", "node"), default="tenant", help="whose (default %(default)s)"
    )
    parser.add_argument("--csv", action="store_true", help="print it as CSV, for table programs")
    add_common(parser)


def run_usage(args: Namespace) -> int:
    """Show what was used."""
    asked = {"from": args.first, "to": args.last, "by": args.by}
    body = client_of(args).get("usage", **{name: value for name, value in asked.items() if value})
    if args.csv:
        csv.writer(sys.stdout).writerows(_lines(body))
        return 0
    return say(args, body, _text)


def _lines(body: dict[str, Any]) -> list[tuple[Any, ...]]:
    # A name that a table program would take for a formula is quoted.
    rows = [tuple(row[column] for column in _COLUMNS) for row in body["rows"]]
    quoted = [(day, f"'{name}" if name[:1] in "=+-@" and name else name, *rest) for day, name, *rest in rows]
    return [("day", body["by"], *_COLUMNS[2:]), *quoted]


def _text(body: dict[str, Any]) -> str:
    span = body["from"] if body["from"] == body["to"] else f"{body['from']} to {body['to']}"
    if not body["rows"]:
        return f"Nothing was used, {span}."
    rows = [(row["day"], plain(row["name"]) or "(none)", *_numbers(row)) for row in body["rows"]]
    rows.append(("all", "", *_numbers(body)))
    heads = ("DAY", body["by"].upper(), "AUDIO MIN", "UTTERANCES", "RESULTS")
    return table(heads, rows)


def _numbers(row: dict[str, Any]) -> tuple[str, int, int]:
    return f"{row['audio_minutes']:.1f}", row["utterances"], row["results"]
