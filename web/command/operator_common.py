"""What the operator commands share: their options, walking pages, printing an answer."""

import json
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import Any

from web.command.operator_client import OperatorClient, default_url

#: Largest page of the API.
PAGE = 500


def add_common(parser: ArgumentParser, token: str = "--token") -> None:
    """Declare where the server is and how to answer."""
    add_server(parser, token)
    parser.add_argument("--json", action="store_true", help="print the API's answer, for programs")


def add_server(parser: ArgumentParser, token: str = "--token") -> None:
    """Declare where the server is."""
    parser.add_argument(
        "--url", default=default_url(), help="a web process (default $SPEECH_DISPATCH_URL or %(default)s)"
    )
    parser.add_argument(
        token, dest="token", metavar="TOKEN", help="an operator's token (default $ADMIN_TOKEN)"
    )


def add_limit(parser: ArgumentParser, what: str) -> None:
    """Declare how many are shown."""
    parser.add_argument(
        "--limit", type=_at_least_one, default=100, metavar="N", help=f"show N {what} at most (default 100)"
    )


def client_of(args: Namespace) -> OperatorClient:
    """Give the server that was named."""
    return OperatorClient(args.url, args.token or os.environ.get("ADMIN_TOKEN") or "")


def pages(args: Namespace, what: str, name: str, **query: str) -> dict[str, Any]:
    """Follow pages until so many are there; one met twice counts once."""
    client, cursor = client_of(args), ""
    found: dict[str, Any] = {}
    while True:
        body = client.get(what, limit=min(args.limit, PAGE), cursor=cursor, **query)
        found |= {item[name]: item for item in body[what]}
        cursor = body["next_cursor"] or ""
        if not cursor or len(found) >= args.limit:
            return {**body, what: list(found.values())[: args.limit]}


def say(args: Namespace, body: dict[str, Any], text: Callable[[dict[str, Any]], str]) -> int:
    """Print an answer; a reader who goes away early is no error."""
    try:
        print(json.dumps(body, ensure_ascii=False) if args.json else text(body), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text} is no whole number from 1 on")
    return int(text)
