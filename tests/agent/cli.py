"""The two commands as a program, without the rest of ``speech-dispatch``."""

import sys
from argparse import ArgumentParser

from agent import commands


def main() -> int:
    parser = ArgumentParser()
    subparsers = parser.add_subparsers(dest="command", required=True)
    commands.add_node_arguments(subparsers.add_parser("node"))
    commands.add_say_arguments(subparsers.add_parser("say"))
    args = parser.parse_args()
    return commands.run_node(args) if args.command == "node" else commands.run_say(args)


if __name__ == "__main__":
    sys.exit(main())
