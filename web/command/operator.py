"""The operator commands: nodes, pools, jobs, explain, drain, undrain, quarantine, cancel."""

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scheduling.pool_file import PoolFileError, load
from web.command import operator_show as show
from web.command.errors import CommandError
from web.command.operator_client import OperatorClient, default_url

_STATES = ("waiting", "assigned", "dispatched", "accepted", "started")
#: Largest page of the API.
_PAGE = 500


def add_nodes_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `nodes`."""
    _add_common(parser)
    _add_limit(parser, "nodes")


def run_nodes(args: Namespace) -> int:
    """List connected nodes."""
    return _say(args, _pages(args, "nodes", "node_id"), show.nodes)


def add_pools_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `pools`."""
    parser.add_argument("--check", type=Path, metavar="FILE", help="look for mistakes in a pool file")
    _add_common(parser)
    _add_limit(parser, "pools")


def run_pools(args: Namespace) -> int:
    """List pools, or check a file of configured ones. Raises `CommandError` when it is wrong."""
    if args.check:
        return _check_pool_file(args.check)
    return _say(args, _client(args).get("pools", limit=min(args.limit, _PAGE)), show.pools)


def add_jobs_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `jobs`."""
    parser.add_argument("--state", choices=_STATES, default="", help="only jobs in this state")
    _add_common(parser)
    _add_limit(parser, "jobs")


def run_jobs(args: Namespace) -> int:
    """List living jobs."""
    return _say(args, _pages(args, "jobs", "job_id", state=args.state), show.jobs)


def add_explain_arguments(parser: ArgumentParser) -> None:
    """Declare what can be explained: a job, a node, a pair of languages."""
    kinds = parser.add_subparsers(dest="kind", metavar="job|node|pair", required=True)
    job = kinds.add_parser("job", help="where a job stands, and why it waits")
    job.add_argument("id", help="job id")
    node = kinds.add_parser("node", help="why a node gets no work")
    node.add_argument("id", help="node id")
    pair = kinds.add_parser("pair", help="who could translate between two languages, and who not")
    pair.add_argument("src", help="language spoken, or auto")
    pair.add_argument("tgt", help="language wanted")
    pair.add_argument("--services", default="", help="of asr,nmt,tts,semantic,tone (default asr,nmt,tts)")
    pair.add_argument("--tenant", default="", help="whose job it is")
    pair.add_argument("--auto-langs", default="", help="languages that a speaker of auto may use")
    for kind in (job, node, pair):
        _add_common(kind)


def run_explain(args: Namespace) -> int:
    """Explain a job, a node or a pair."""
    client = _client(args)
    if args.kind == "job":
        return _say(args, client.get("jobs", args.id, "explain"), show.job)
    if args.kind == "node":
        return _say(args, client.get("nodes", args.id, "explain"), show.node)
    asked = {
        "src": args.src,
        "tgt": args.tgt,
        "services": args.services,
        "tenant": args.tenant,
        "auto_langs": args.auto_langs,
    }
    return _say(args, client.get("explain", **asked), show.pair)


def add_drain_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `drain`."""
    _add_wish(parser, "node")


def run_drain(args: Namespace) -> int:
    """Give a node no new work; what it runs is finished."""
    return _change_node(args, "drain")


def add_undrain_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `undrain`."""
    _add_wish(parser, "node")


def run_undrain(args: Namespace) -> int:
    """Let a node work again after a drain or a quarantine."""
    return _change_node(args, "undrain")


def add_quarantine_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `quarantine`."""
    _add_wish(parser, "node")


def run_quarantine(args: Namespace) -> int:
    """Take a node out of work at once, until an operator ends it."""
    return _change_node(args, "quarantine")


def add_cancel_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `cancel`."""
    _add_wish(parser, "job")


def run_cancel(args: Namespace) -> int:
    """End a job; its client is told."""
    body = _client(args).post("jobs", args.id, "cancel", reason=args.reason)
    return _say(args, body, show.cancelled_job)


def _check_pool_file(path: Path) -> int:
    try:
        file = load(path)
    except PoolFileError as error:
        raise CommandError("\n".join(error.sentences)) from error
    print(f"{path} is right, with {len(file.pools)} pool(s).")
    return 0


def _change_node(args: Namespace, verb: str) -> int:
    body = _client(args).post("nodes", args.id, verb, reason=args.reason)
    return _say(args, body, lambda node: show.changed_node(node, verb))


def _add_common(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--url", default=default_url(), help="a web process (default $SPEECH_DISPATCH_URL or %(default)s)"
    )
    parser.add_argument("--token", help="the server's ADMIN_TOKEN (default $ADMIN_TOKEN)")
    parser.add_argument("--json", action="store_true", help="print the API's answer, for programs")


def _add_limit(parser: ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--limit", type=_at_least_one, default=100, metavar="N", help=f"show N {what} at most (default 100)"
    )


def _add_wish(parser: ArgumentParser, what: str) -> None:
    parser.add_argument("id", help=f"{what} id")
    parser.add_argument("--reason", default="", help="why, in words; whoever asks later is told")
    _add_common(parser)


def _client(args: Namespace) -> OperatorClient:
    return OperatorClient(args.url, args.token or os.environ.get("ADMIN_TOKEN") or "")


def _pages(args: Namespace, what: str, name: str, **query: str) -> dict[str, Any]:
    """Follow pages until so many are there; one met twice counts once."""
    client, cursor = _client(args), ""
    found: dict[str, Any] = {}
    while True:
        body = client.get(what, limit=min(args.limit, _PAGE), cursor=cursor, **query)
        found |= {item[name]: item for item in body[what]}
        cursor = body["next_cursor"] or ""
        if not cursor or len(found) >= args.limit:
            return {**body, what: list(found.values())[: args.limit]}


def _say(args: Namespace, body: dict[str, Any], text: Callable[[dict[str, Any]], str]) -> int:
    """Print an answer; a reader who goes away early is no error."""
    try:
        print(json.dumps(body, ensure_ascii=False) if args.json else text(body), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
