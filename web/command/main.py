"""The `speech-dispatch` command: finds the subcommand, turns its errors into a sentence and an exit code."""

import sys
from argparse import Action, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from web.command.errors import CommandError

_DESCRIPTION = """\
Real-time speech translation: clients speak, nodes anywhere translate, this dispatches between them.

Try everything on this machine:       speech-dispatch up
One recording through all of it:      speech-dispatch demo
A server in parts, as in a Procfile:  web, worker, beat, flower (they share the Redis of REDIS_URL)
The two ends of it:                   node, say
What it does, and telling it:         nodes, pools, jobs, explain, drain, undrain, quarantine, cancel,
                                      dead
Who may enter:                        token
How well it places jobs, measured:    simulate
"""


@dataclass(frozen=True, slots=True)
class _Subcommand:
    """A subcommand; its module has `add_<name>_arguments` and `run_<name>`, and is imported when chosen."""

    module: str
    summary: str

    def add_arguments(self, name: str, parser: ArgumentParser) -> None:
        add = cast(
            Callable[[ArgumentParser], None], getattr(import_module(self.module), f"add_{name}_arguments")
        )
        add(parser)

    def run(self, name: str, args: Namespace) -> int:
        run = cast(Callable[[Namespace], int], getattr(import_module(self.module), f"run_{name}"))
        return run(args)


_SUBCOMMANDS = {
    "up": _Subcommand("web.command.up", "run the whole system on this machine until Ctrl-C"),
    "demo": _Subcommand("web.command.demo", "translate a recording end to end, then stop everything"),
    "web": _Subcommand(
        "web.command.services", "run a web process: the sockets of clients and nodes, and HTTP"
    ),
    "worker": _Subcommand("web.command.services", "run the background workers (Celery)"),
    "beat": _Subcommand("web.command.services", "run the clock of periodic tasks (Celery beat)"),
    "flower": _Subcommand("web.command.services", "run Flower, which shows the workers and their tasks"),
    "simulate": _Subcommand(
        "web.command.simulate", "measure placement: our scripts under virtual time, beside other dispatchers"
    ),
    "node": _Subcommand("agent.commands", "run a node: dial a server and translate for it"),
    "say": _Subcommand("agent.commands", "speak a recording to a server and save the translation"),
    "nodes": _Subcommand("web.command.operator", "list connected nodes, and why some get no work"),
    "pools": _Subcommand("web.command.operator", "list pools: nodes that can do the same"),
    "jobs": _Subcommand("web.command.operator", "list jobs that wait or run"),
    "explain": _Subcommand(
        "web.command.operator", "say why a job waits or a node gets no work, or who serves a pair"
    ),
    "drain": _Subcommand("web.command.operator", "give a node no new work; what it runs is finished"),
    "undrain": _Subcommand("web.command.operator", "let a node work again after a drain or a quarantine"),
    "quarantine": _Subcommand("web.command.operator", "take a node out of work until an operator ends it"),
    "cancel": _Subcommand("web.command.operator", "end a job; its client is told"),
    "token": _Subcommand(
        "web.command.token", "make, check and revoke credentials of nodes, clients, operators"
    ),
    "dead": _Subcommand(
        "web.command.operator_dead", "list, show, replay or drop jobs that took their nodes with them"
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit code (0 done, 1 failed, 2 wrong invocation)."""
    words = sys.argv[1:] if argv is None else list(argv)
    args = _parser(words).parse_args(words)
    try:
        return _SUBCOMMANDS[args.command].run(args.command, args)
    except CommandError as error:
        print(f"speech-dispatch {args.command}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


class _Help(RawDescriptionHelpFormatter):
    """Leaves room for the indent of subcommands, which argparse forgets: the longest keeps to its line."""

    def add_argument(self, action: Action) -> None:
        super().add_argument(action)
        self._action_max_length = max(self._action_max_length, max(map(len, _SUBCOMMANDS)) + 4)


def _parser(words: Sequence[str]) -> ArgumentParser:
    """Build the parser; only the chosen subcommand is imported for its options."""
    parser = ArgumentParser(prog="speech-dispatch", description=_DESCRIPTION, formatter_class=_Help)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, subcommand in _SUBCOMMANDS.items():
        sentence = f"{subcommand.summary[0].upper()}{subcommand.summary[1:]}."
        subparser = subparsers.add_parser(name, help=subcommand.summary, description=sentence)
        if words and words[0] == name:
            subcommand.add_arguments(name, subparser)
    return parser
