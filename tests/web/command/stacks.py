"""Little stacks of real processes; `python -m tests.web.command.stacks NAME FOLDER` runs one till stopped."""

import re
import sys
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

from web.command.console import Console
from web.command.embedded import EmbeddedValkey
from web.command.errors import CommandError
from web.command.process import ProcessSpec, Stop
from web.command.supervisor import Supervisor

#: Says its pid, and waits for a signal.
_WAIT = "import os, signal, sys; print(sys.argv[1], os.getpid()); signal.pause()"
#: Says when it is asked to end, and does.
_STAY = f"import signal; signal.signal(15, lambda *_: sys.exit(print(sys.argv[1], 'ended'))); {_WAIT}"
#: Is asked in vain.
_DEAF = f"import signal; signal.signal(15, signal.SIG_IGN); {_WAIT}"
#: Leaves a grandchild in its group that is asked in vain.
_PARENT = (
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-uc', {_DEAF!r}, 'grandchild']); {_STAY}"
)
_FAIL = "import sys; print('boom', flush=True); sys.exit(int(sys.argv[1]))"


def staying(name: str, code: str = _STAY, word: str = "pid", **options: Any) -> ProcessSpec:
    """Describe a Python process that is ready when it has printed `word` and its pid."""
    return ProcessSpec(name=name, command=_python(code, word), **{"ready_line": re.compile(word)} | options)


def failing(name: str, exit_code: int, **options: Any) -> ProcessSpec:
    """Describe one that ends at once."""
    return ProcessSpec(name=name, command=_python(_FAIL, str(exit_code)), start_rank=1, **options)


def _python(code: str, word: str) -> tuple[str, ...]:
    return (sys.executable, "-ISuc", code, word)


def _three(folder: Path) -> list[ProcessSpec]:
    return [staying("last", stop=Stop(2)), staying("first", start_rank=1), staying("middle", stop=Stop(1))]


def _deaf(folder: Path) -> list[ProcessSpec]:
    return [staying("deaf", _DEAF, stop=Stop(within_s=0.2)), staying("parent", _PARENT)]


def _patient(folder: Path) -> list[ProcessSpec]:
    return [staying("patient", _DEAF, stop=Stop(within_s=inf))]


def _fragile(folder: Path) -> list[ProcessSpec]:
    return [staying("other"), failing("fragile", 7, restarts=False)]


def _stillborn(folder: Path) -> list[ProcessSpec]:
    return [staying("other"), failing("stillborn", 1, ready_line=re.compile("never said"))]


def _wrong(folder: Path) -> list[ProcessSpec]:
    return [staying("other"), failing("wrong", 2)]


def _missing(folder: Path) -> list[ProcessSpec]:
    program = str(folder / "no such program")
    return [staying("other"), ProcessSpec(name="missing", command=(program,), start_rank=1)]


def _hanging(folder: Path) -> list[ProcessSpec]:
    return [staying("hanging", ready_probe=lambda: False)]


def _valkey(folder: Path) -> list[ProcessSpec]:
    valkey = EmbeddedValkey(folder)
    return [valkey.spec(Stop(1)), staying("url", word=valkey.url, start_rank=1)]


STACKS: dict[str, Callable[[Path], list[ProcessSpec]]] = {
    "three": _three,
    "deaf": _deaf,
    "patient": _patient,
    "fragile": _fragile,
    "stillborn": _stillborn,
    "wrong": _wrong,
    "missing": _missing,
    "hanging": _hanging,
    "valkey": _valkey,
}


def main(name: str, folder: str) -> int:
    try:
        specs = STACKS[name](Path(folder))
        console = Console(sys.stdout, speaker="stack", names=tuple(spec.name for spec in specs))
        with Supervisor(specs, console, ready_s=2.0, orphan_s=0.5) as stack:
            if stack.start():
                console.say("up")
                stack.watch()
            console.say("stopping")
        console.say("stopped")
    except CommandError as error:
        print(error, flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
