"""`speech-dispatch top`: the fleet live in a terminal."""

import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import replace

from rich.console import Console
from rich.live import Live

from web.command.operator_client import OperatorClient, ServerRefused, ServerSilent
from web.command.operator_common import add_server, client_of
from web.top.frame import SORTS, View, draw, sorted_by
from web.top.keys import Keys, listening
from web.top.snapshot import read_snapshot

_LEAST_S, _MOST_S = 0.5, 3600.0
_QUIT = ("q", "\x03", "\x1b")


def add_top_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `top`."""
    parser.epilog = (
        "Keys: q quits; n, u, c, h, w sort the nodes by name, use, CPU, when they were heard, and what keeps "
        "work away. NO_COLOR=1 leaves colours out; nothing is said by colour alone."
    )
    parser.add_argument(
        "--interval", type=_interval, default=2.0, metavar="S", help="read anew every S seconds (default 2)"
    )
    parser.add_argument(
        "--sort",
        choices=[sort.name for sort in SORTS],
        default="name",
        help="order of the nodes (default name)",
    )
    parser.add_argument("--once", action="store_true", help="print one frame and end")
    add_server(parser)


def run_top(args: Namespace) -> int:
    """Show frame after frame until q is pressed; one where nobody looks, or the terminal cannot draw over it.

    Raises `CommandError`.
    """
    console = Console(file=sys.stdout, highlight=False)
    client = client_of(args)
    sort = next(sort for sort in SORTS if sort.name == args.sort)
    view = View(console.width, console.height, sort, args.interval)
    if args.once or not console.is_terminal or console.is_dumb_terminal:
        long = replace(view, height=max(view.height, 60), keys=False) if not console.is_terminal else view
        console.print(draw(read_snapshot(client), args.url, replace(long, keys=False)))
        return 0
    with listening() as keys:
        _watch(console, client, args.url, replace(view, keys=keys.heard), keys)
    return 0


def _watch(console: Console, client: OperatorClient, url: str, view: View, keys: Keys) -> None:
    shown = read_snapshot(client)  # a server that is not there at all is an error, one that went away is not
    read_s = time.monotonic()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            size = replace(view, width=console.width, height=console.height)
            live.update(draw(shown, url, size), refresh=True)
            key = keys.wait(max(0.0, read_s + view.interval_s - time.monotonic()))
            if key in _QUIT:
                return
            if key:
                view = sorted_by(view, key)
                continue
            read_s = time.monotonic()
            try:
                shown, view = read_snapshot(client), replace(view, trouble="")
            except (ServerSilent, ServerRefused) as error:
                view = replace(view, trouble=str(error))


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not _LEAST_S <= seconds <= _MOST_S:
        raise ArgumentTypeError(f"{text!r} is no time from {_LEAST_S:g} to {_MOST_S:g} s")
    return seconds
