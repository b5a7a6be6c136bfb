"""`speech-dispatch top` over a real stack, and in a real terminal."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.stack import Stack, wait_until
from tests.valkey import free_port
from tests.web.command.test_main import run
from tests.web.command.test_operator import told
from web.command.operator_client import OperatorClient
from web.top.snapshot import read_snapshot

Pair = tuple[str, str]
PATIENCE_S = 30.0


def test_once_is_one_frame(stack: Stack, pair: Pair) -> None:
    with stack.node(pair) as node:
        said = told(stack, "top", "--once", "--sort", "used")
    assert node.node_id in said
    assert "WEB PROCESS" in said
    assert "\x1b" not in said
    assert "q quit" not in said


def test_what_waits_is_told_with_the_reason(pair: Pair) -> None:
    with Stack() as own, own.node(pair, slots=1, answer=None) as node, own.client(*pair) as client:
        client.say()
        node.job()
        client.say()
        own.wait_waiting(1)
        (wait,) = read_snapshot(OperatorClient(f"http://127.0.0.1:{own.webs[0].port}", "")).waits
    assert (wait.pair, wait.jobs) == ("→".join(pair), 1)
    assert wait.why == "1 capacity_exceeded"


def test_without_a_server_it_ends_with_a_sentence() -> None:
    done = run("top", "--once", "--url", f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "No server answers" in done.stderr
    assert run("top", "--interval", "0").returncode == 2
    assert run("top", "--interval", "soon").returncode == 2


def _heed_ctrl_c() -> None:
    """What is started in the background of a shell ignores it, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A terminal of 80 by 24 in which `top` runs."""

    def __init__(self, url: str, kind: str = "xterm") -> None:
        self._fd, child = pty.openpty()
        self.seen = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "web.command", "top", "--url", url, "--interval", "0.5"],
            stdin=child, stdout=child, stderr=child, start_new_session=True,
            preexec_fn=_heed_ctrl_c,
            cwd=Path(__file__).parents[3],
            env={"PATH": "/usr/bin:/bin", "TERM": kind, "COLUMNS": "80", "LINES": "24"},
        )  # fmt: skip
        os.close(child)

    def press(self, key: str) -> None:
        os.write(self._fd, key.encode())

    def wait_for(self, words: str) -> None:
        """Read until these words have come since the last look."""
        until_s = time.monotonic() + PATIENCE_S
        while words.encode() not in self.seen:
            assert time.monotonic() < until_s, self.seen.decode(errors="replace")[-2000:]
            if select.select([self._fd], [], [], 0.5)[0]:
                self.seen += os.read(self._fd, 65536)
        self.seen = b""

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._fd)


def test_it_goes_on_while_the_server_is_away_and_ends_with_q() -> None:
    with Stack() as own:
        web = own.webs[0]
        terminal = Terminal(f"http://127.0.0.1:{web.port}")
        try:
            terminal.wait_for("[n]ame*")
            terminal.press("u")
            terminal.wait_for("[u]sed*")
            web.kill()
            terminal.wait_for("No server answers")
            own.restart(web)
            wait_until(lambda: own.webs[0].get("/ready")[0] == 200, "the server to be back")
            terminal.wait_for("0/0")
            terminal.press("q")
            assert terminal.process.wait(PATIENCE_S) == 0
        finally:
            terminal.close()


def test_ctrl_c_ends_it_as_it_does_others(stack: Stack) -> None:
    terminal = Terminal(f"http://127.0.0.1:{stack.webs[0].port}")
    try:
        terminal.wait_for("q quit")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.process.wait(PATIENCE_S) == 130
    finally:
        terminal.close()


def test_a_terminal_that_cannot_be_drawn_over_gets_one_frame(stack: Stack) -> None:
    """With TERM=dumb it said nothing, and went on doing so."""
    terminal = Terminal(f"http://127.0.0.1:{stack.webs[0].port}", "dumb")
    try:
        terminal.wait_for("WEB PROCESS")
        assert terminal.process.wait(PATIENCE_S) == 0
    finally:
        terminal.close()
