"""The commands ``node``, ``say`` and ``session``: their arguments, and running them.

Only the standard library is imported here, so that ``speech-dispatch --help`` stays quick; what a
command needs is imported when it runs.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.node import NodeAgent, NodeOptions
    from agent.pipelines.base import PipelineOptions

NODE_URL = "ws://127.0.0.1:5010/ws/node"
SESSION_URL = "ws://127.0.0.1:5010/ws/session"

#: The server refused the node, or its pipeline cannot run: trying again would not help.
EXIT_REFUSED = 2


def _add_token(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--token",
        default=os.environ.get("SPEECH_DISPATCH_TOKEN") or "",
        help="credential, where the server wants one (default: $SPEECH_DISPATCH_TOKEN)",
    )


def add_node_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``speech-dispatch node``."""
    _add_token(parser)
    parser.add_argument(
        "--url", default=NODE_URL, help="the server, or several with commas (default %(default)s)"
    )
    parser.add_argument(
        "--pipeline", default="speech", metavar="NAME", help="speech, echo, or module:Class of your own"
    )
    parser.add_argument(
        "--slots", type=_at_least_one, metavar="N", help="jobs at once (default: what suits the pipeline)"
    )
    parser.add_argument("--threads", type=_at_least_one, metavar="N", help="CPU threads of one job (speech)")
    parser.add_argument(
        "--node-id", metavar="ID", help="register under this id instead of one the server makes"
    )
    parser.add_argument(
        "--credential",
        metavar="WORD",
        default=os.environ.get("SPEECH_DISPATCH_CREDENTIAL"),
        help="shown to the server at registration (default: $SPEECH_DISPATCH_CREDENTIAL)",
    )
    parser.add_argument("--private", action="store_true", help="take no jobs of the public")
    parser.add_argument(
        "--heartbeat-s",
        type=_positive,
        default=15.0,
        metavar="S",
        help="interval of heartbeats, s (default %(default)s)",
    )
    parser.add_argument(
        "--drain-s",
        type=_positive,
        default=20.0,
        metavar="S",
        help="time for running jobs after SIGTERM, s (default %(default)s)",
    )
    parser.add_argument("--quiet", action="store_true", help="print warnings only")
    _add_pipeline_arguments(parser)


def _add_pipeline_arguments(parser: ArgumentParser) -> None:
    speech = parser.add_argument_group("speech pipeline")
    speech.add_argument(
        "--tts-format",
        choices=("wav", "pcm16", "opus"),
        default="wav",
        help="of what it speaks (default %(default)s)",
    )
    echo = parser.add_argument_group("echo pipeline")
    echo.add_argument(
        "--service-ms",
        type=float,
        default=0.0,
        metavar="MS",
        help="mean service time, ms (default %(default)s)",
    )
    echo.add_argument(
        "--service-dist",
        choices=("fixed", "exponential", "lognormal"),
        default="fixed",
        help="how it varies (default %(default)s)",
    )
    echo.add_argument("--seed", type=int, metavar="N", help="repeat the same service times")
    echo.add_argument(
        "--pairs", default="*", metavar="A-B,…", help="en-pt,pt-en,... or * for all (default %(default)s)"
    )
    echo.add_argument(
        "--partials", type=int, default=0, metavar="N", help="partial texts a job (default %(default)s)"
    )
    own = parser.add_argument_group("pipelines of your own")
    own.add_argument(
        "--option",
        action="append",
        type=_name_and_value,
        default=[],
        metavar="NAME=VALUE",
        help="passed to it; may be repeated",
    )


def add_say_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``speech-dispatch say``."""
    parser.add_argument("file", type=Path, help="a WAV recording")
    _add_token(parser)
    parser.add_argument("--from", dest="src", required=True, help="language spoken, or auto")
    parser.add_argument("--to", dest="tgt", required=True, help="language wanted")
    parser.add_argument(
        "--url", default=SESSION_URL, help="the server, or several with commas (default %(default)s)"
    )
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--fast", action="store_true", help="send it at once instead of in real time")
    pace.add_argument("--vad", action="store_true", help="have the server cut it where speech ends")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="folder for the spoken translation (default: here)",
    )
    parser.add_argument("--json", action="store_true", help="print a summary as JSON in the last line")


def add_session_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``speech-dispatch session``."""
    parser.add_argument("--from", dest="src", default="en", help="language spoken (default %(default)s)")
    parser.add_argument("--to", dest="tgt", default="pt", help="language wanted (default %(default)s)")
    parser.add_argument("--url", default=SESSION_URL, help="the server (default %(default)s)")


def run_node(args: Namespace) -> int:
    """Run a node until SIGTERM or Ctrl-C. 0 after a drain, 2 if it can never work."""
    from scheduling.logs import configure_logs, format_of_environment

    level = logging.WARNING if args.quiet else logging.INFO
    if sys.stderr.isatty() and format_of_environment() == "auto":
        logging.basicConfig(level=level, format="%(message)s")
    else:
        configure_logs(level, format_of_environment(), sys.stderr)
    logging.getLogger("websockets").setLevel(logging.WARNING)
    from agent.link import advised
    from agent.node import NodeAgent, NodeRefused
    from agent.pipelines.base import PipelineUnavailable
    from agent.pipelines.lookup import create
    from scheduling import tracing

    tracing.start("node")
    try:
        pipeline = create(args.pipeline, _pipeline_options(args))
        asyncio.run(_serve(NodeAgent(pipeline, _node_options(args))))
    except (PipelineUnavailable, NodeRefused) as problem:
        print(f"speech-dispatch node: {advised(str(problem))}", file=sys.stderr, flush=True)
        return EXIT_REFUSED
    return 0


def run_say(args: Namespace) -> int:
    """Speak a recording. 0 when every utterance was answered, 1 after an error, 130 after Ctrl-C."""
    from agent.client import Languages
    from agent.output import Output
    from agent.say import Say, SayOptions
    from scheduling import tracing

    tracing.start("client")
    options = SayOptions(
        file=args.file,
        languages=Languages(args.src, args.tgt),
        url=args.url,
        fast=args.fast,
        vad=args.vad,
        out=args.out,
        as_json=args.json,
        token=args.token,
    )
    try:
        return asyncio.run(Say(options, Output()).run())
    except KeyboardInterrupt:
        return 130


def run_session(args: Namespace) -> int:
    """Type a session by hand. 0 after a goodbye, 1 after an error, 130 after Ctrl-C."""
    from agent.typed import converse

    try:
        return asyncio.run(converse(args.url, args.src, args.tgt))
    except KeyboardInterrupt:
        return 130


async def _serve(agent: NodeAgent) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.leave)
    await agent.run()


def _node_options(args: Namespace) -> NodeOptions:
    from agent.node import NodeOptions
    from agent.presence import Identity

    identity = Identity(
        credential=args.credential,
        accept_public_jobs=not args.private,
        heartbeat_interval_s=args.heartbeat_s,
    )
    return NodeOptions(args.url, args.node_id, args.slots, identity, args.drain_s, args.token)


def _pipeline_options(args: Namespace) -> PipelineOptions:
    from agent.pipelines.base import PipelineOptions

    return PipelineOptions(
        slots=args.slots,
        threads=args.threads,
        tts_format=args.tts_format,
        service_ms=args.service_ms,
        service_distribution=args.service_dist,
        seed=args.seed,
        pairs=args.pairs,
        partials=args.partials,
        own=dict(args.option),
    )


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError("must be at least 1")
    return number


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise ArgumentTypeError("must be more than 0")
    return number


def _name_and_value(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise ArgumentTypeError(f"'{text}' is not of the form name=value")
    return name, value
