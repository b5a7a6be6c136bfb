"""The `speech-dispatch` command: finds the subcommand, turns its errors into a sentence and an exit code."""

import os
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from typing import cast

from web.command.errors import USAGE, CommandError
from web.command.help import finish, foot, overview

_PROGRAM = "speech-dispatch"
#: As shells have it for SIGPIPE.
_PIPE = 141


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
    "web": _Subcommand("web.command.services", "run a web process: sockets of clients and nodes, HTTP"),
    "worker": _Subcommand("web.command.services", "run the background workers (Celery)"),
    "beat": _Subcommand("web.command.services", "run the clock of periodic tasks (Celery beat)"),
    "flower": _Subcommand("web.command.services", "run Flower, which shows the workers and their tasks"),
    "doctor": _Subcommand("web.command.doctor", "check Redis, broker, processes, nodes and this machine"),
    "check": _Subcommand("web.command.check", "whether a web process or the workers live, for probes"),
    "simulate": _Subcommand(
        "web.command.simulate", "measure how well jobs are placed, beside other dispatchers"
    ),
    "node": _Subcommand("agent.commands", "run a node: dial a server and translate for it"),
    "say": _Subcommand("agent.commands", "speak a recording to a server and save the translation"),
    "session": _Subcommand(
        "agent.commands", "type a session by hand and see its messages, with an echo node"
    ),
    "top": _Subcommand("web.command.top", "watch the fleet live in this terminal"),
    "nodes": _Subcommand("web.command.operator", "list connected nodes, and why some get no work"),
    "pools": _Subcommand("web.command.operator", "list pools: nodes that can do the same"),
    "jobs": _Subcommand("web.command.operator", "list jobs that wait or run"),
    "explain": _Subcommand(
        "web.command.operator", "say why a job waits, a node gets no work, who serves a pair"
    ),
    "drain": _Subcommand("web.command.operator", "give a node no new work; what it runs is finished"),
    "undrain": _Subcommand("web.command.operator", "let a node work again after a drain or a quarantine"),
    "quarantine": _Subcommand("web.command.operator", "take a node out of work until an operator ends it"),
    "cancel": _Subcommand("web.command.operator", "end a job; its client is told"),
    "audit": _Subcommand("web.command.operator_audit", "list what operators changed: who, when, from where"),
    "token": _Subcommand(
        "web.command.token", "make, check and revoke credentials of nodes, clients, operators"
    ),
    "dead": _Subcommand(
        "web.command.operator_dead", "list, replay or drop jobs that took their nodes with them"
    ),
    "usage": _Subcommand("web.command.operator_usage", "show what tenants or nodes have used, by day"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit code (0 done, 1 failed, 2 wrong invocation)."""
    words = sys.argv[1:] if argv is None else list(argv)
    if not words:
        _parser(words).print_help(sys.stderr)
        return USAGE
    if not words[0].startswith("-") and words[0] not in _SUBCOMMANDS:
        near = get_close_matches(words[0], _SUBCOMMANDS, n=1)
        meant = f"Did you mean {near[0]}? " if near else ""
        said = f"there is no command {words[0]!r}. {meant}All of them: {_PROGRAM} --help"
        print(f"{_PROGRAM}: {said}", file=sys.stderr)
        return USAGE
    args = _parser(words).parse_args(words)
    try:
        return _SUBCOMMANDS[args.command].run(args.command, args)
    except CommandError as error:
        print(f"speech-dispatch {args.command}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader went away, as `head` does; nothing is left to be said to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE


def _parser(words: Sequence[str]) -> ArgumentParser:
    """Build the parser; only the chosen subcommand is imported for its options."""
    parser = ArgumentParser(
        prog=_PROGRAM,
        usage=f"{_PROGRAM} COMMAND [options]",
        description=overview({name: subcommand.summary for name, subcommand in _SUBCOMMANDS.items()}),
        epilog=foot(),
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{_PROGRAM} {version(_PROGRAM)}")
    subparsers = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, prog=_PROGRAM, help=SUPPRESS
    )
    for name, subcommand in _SUBCOMMANDS.items():
        sentence = f"{subcommand.summary[0].upper()}{subcommand.summary[1:]}."
        subparser = subparsers.add_parser(name, description=sentence)
        if words and words[0] == name:
            subcommand.add_arguments(name, subparser)
            finish(name, subparser)
    return parser
