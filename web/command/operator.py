"""The operator commands: nodes, pools, jobs, explain, drain, undrain, quarantine, cancel."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from scheduling.pool_file import PoolFileError, load
from web.command import operator_show as show
from web.command.errors import CommandError
from web.command.operator_common import PAGE, add_common, add_limit, client_of, pages, say

_STATES = ("waiting", "assigned", "dispatched", "accepted", "started")


def add_nodes_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `nodes`."""
    add_common(parser)
    add_limit(parser, "nodes")


def run_nodes(args: Namespace) -> int:
    """List connected nodes."""
    return say(args, pages(args, "nodes", "node_id"), show.nodes)


def add_pools_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `pools`."""
    parser.add_argument("--check", type=Path, metavar="FILE", help="look for mistakes in a pool file")
    add_common(parser)
    add_limit(parser, "pools")


def run_pools(args: Namespace) -> int:
    """List pools, or check a file of configured ones. Raises `CommandError` when it is wrong."""
    if args.check:
        return _check_pool_file(args.check)
    return say(args, client_of(args).get("pools", limit=min(args.limit, PAGE)), show.pools)


def add_jobs_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `jobs`."""
    parser.add_argument(
        "--state", choices=_STATES, default="", metavar="STATE", help=f"only jobs in it: {', '.join(_STATES)}"
    )
    add_common(parser)
    add_limit(parser, "jobs")


def run_jobs(args: Namespace) -> int:
    """List living jobs."""
    return say(args, pages(args, "jobs", "job_id", state=args.state), show.jobs)


def add_explain_arguments(parser: ArgumentParser) -> None:
    """Declare what can be explained: a job, a node, a pair of languages."""
    kinds = parser.add_subparsers(dest="kind", metavar="job|node|pair", required=True)
    job = kinds.add_parser(
        "job",
        help="where a job stands, and why it waits",
        description="Where a job stands, and why it waits.",
    )
    job.add_argument("id", help="job id")
    node = kinds.add_parser("node", help="why a node gets no work", description="Why a node gets no work.")
    node.add_argument("id", help="node id")
    pair = kinds.add_parser(
        "pair",
        help="who could translate between two languages, and who not",
        description="Who could translate between two languages, and who not.",
    )
    pair.add_argument("src", help="language spoken, or auto")
    pair.add_argument("tgt", help="language wanted")
    pair.add_argument(
        "--services", default="", metavar="A,B", help="of asr,nmt,tts,semantic,tone (default asr,nmt,tts)"
    )
    pair.add_argument("--tenant", default="", help="whose job it is")
    pair.add_argument(
        "--auto-langs", default="", metavar="A,B", help="languages that a speaker of auto may use"
    )
    for kind in (job, node, pair):
        add_common(kind)


def run_explain(args: Namespace) -> int:
    """Explain a job, a node or a pair."""
    client = client_of(args)
    if args.kind == "job":
        return say(args, client.get("jobs", args.id, "explain"), show.job)
    if args.kind == "node":
        return say(args, client.get("nodes", args.id, "explain"), show.node)
    asked = {
        "src": args.src,
        "tgt": args.tgt,
        "services": args.services,
        "tenant": args.tenant,
        "auto_langs": args.auto_langs,
    }
    return say(args, client.get("explain", **asked), show.pair)


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
    body = client_of(args).post("jobs", args.id, "cancel", reason=args.reason)
    return say(args, body, show.cancelled_job)


def _check_pool_file(path: Path) -> int:
    try:
        file = load(path)
    except PoolFileError as error:
        raise CommandError("\n".join(error.sentences)) from error
    print(f"{path} is right, with {len(file.pools)} pool(s).")
    return 0


def _change_node(args: Namespace, verb: str) -> int:
    body = client_of(args).post("nodes", args.id, verb, reason=args.reason)
    return say(args, body, lambda node: show.changed_node(node, verb))


def _add_wish(parser: ArgumentParser, what: str) -> None:
    parser.add_argument("id", help=f"{what} id")
    parser.add_argument(
        "--reason", default="", metavar="WORDS", help="why, in words; whoever asks later is told"
    )
    add_common(parser)
