"""Processes that a measurement needs: an embedded Valkey, and others that run while it lasts."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from web.command.embedded import EmbeddedValkey
from web.command.process import Stop

_START_S = 90.0


@contextmanager
def valkey(folder: Path) -> Iterator[str]:
    """Run a Valkey with its files in the folder; gives its URL."""
    with valkey_process(folder) as (url, _):
        yield url


@contextmanager
def valkey_process(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run a Valkey as `valkey` does; gives its process as well."""
    server = EmbeddedValkey(folder)
    spec = server.spec(Stop(0, 5.0))
    fds = tuple(spec.inherits)
    with running(list(spec.command), {**os.environ, **spec.env}, folder / "log", pass_fds=fds) as process:
        until_s = time.monotonic() + _START_S
        while not server.answers() and time.monotonic() < until_s:
            time.sleep(0.02)
        yield server.url, process
    server.close()


@contextmanager
def running(
    words: list[str],
    env: dict[str, str],
    log: Path,
    pass_fds: tuple[int, ...] = (),
    stdout: int | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process; it is asked to end, and then made to, as are all that it started."""
    with log.open("ab") as output:
        stdout = output.fileno() if stdout is None else stdout
        # A group of its own, not a session: those share the processor among them whatever their priorities.
        process = subprocess.Popen(
            words, env=env, stdout=stdout, stderr=output, pass_fds=pass_fds, process_group=0
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with suppress(ProcessLookupError):  # as a rule nobody is left
            os.killpg(process.pid, signal.SIGKILL)
        if process.stdout is not None:
            process.stdout.close()


def wait_for(url: str) -> None:
    """Wait until somebody answers there; ends the program when nobody does."""
    until_s = time.monotonic() + _START_S
    while time.monotonic() < until_s:
        try:
            with urlopen(url):
                return
        except (URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit(f"{url} did not answer within {_START_S:g} s")
