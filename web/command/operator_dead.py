"""The operator command ``dead``: jobs that took their nodes with them."""

from argparse import ArgumentParser, Namespace
from typing import Any

from web.command import operator_dead_show as show
from web.command.errors import USAGE, CommandError
from web.command.operator_client import OperatorClient
from web.command.operator_common import PAGE, add_common, add_limit, client_of, pages, say


class NothingNamed(CommandError):
    """It is not said which ones to drop."""

    exit_code = USAGE


def add_dead_arguments(parser: ArgumentParser) -> None:
    """Declare what can be done with dead letters: list, show, replay, drop."""
    verbs = parser.add_subparsers(dest="verb", metavar="list|show|replay|drop", required=True)
    listing = verbs.add_parser(
        "list", help="list them, the newest first", description="List dead letters, the newest first."
    )
    add_limit(listing, "dead letters")
    for name, sentence in (
        ("show", "what became of each attempt"),
        ("replay", "place one again, as a job of its own; its session gets nothing"),
    ):
        verb = verbs.add_parser(name, help=sentence, description=f"{sentence[0].upper()}{sentence[1:]}.")
        verb.add_argument("id", help="job id")
    dropping = verbs.add_parser(
        "drop", help="forget some with their audio", description="Forget some, or all, with their audio."
    )
    dropping.add_argument("ids", nargs="*", metavar="ID", help="job id")
    dropping.add_argument("--all", action="store_true", help="all there are, without asking")
    for verb in verbs.choices.values():
        add_common(verb)


def run_dead(args: Namespace) -> int:
    """Read, replay or drop dead letters. Raises `CommandError`."""
    client = client_of(args)
    if args.verb == "list":
        return say(args, pages(args, "dead", "job_id"), show.letters)
    if args.verb == "show":
        return say(args, client.get("dead", args.id), show.letter)
    if args.verb == "replay":
        return say(args, client.post("dead", args.id, "replay"), show.replayed)
    if not (args.ids or args.all):
        raise NothingNamed("name the dead letters to drop, or say --all.")
    return say(args, _drop(client, args.ids, all_of_them=args.all), show.dropped)


def _drop(client: OperatorClient, named: list[str], *, all_of_them: bool) -> dict[str, Any]:
    """Drop those named, then page by page those there are now."""
    dropped = [client.delete("dead", job_id) for job_id in named]
    while all_of_them and (found := client.get("dead", limit=PAGE)["dead"]):
        dropped += [client.delete("dead", letter["job_id"]) for letter in found]
    return {"dropped": dropped}
