"""What the documents tell to type, typed: a node of one's own, and a recording spoken to it."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.handbook.commands import commands_of
from tests.stack import ROOT, Stack


def _typed(page: str, word: str) -> list[str]:
    """Give the arguments of our command with this word on a page; it must be there."""
    commands = commands_of((ROOT / page).read_text(encoding="utf-8"), page)
    found = [each.text for each in commands if f"speech-dispatch {word} " in f"{each.text} "]
    assert found, f"{page} does not say {word}"
    return shlex.split(found[0].partition("speech-dispatch ")[2])


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Give a server, and the node that docs/nodes.md starts."""
    with Stack(resource_threshold=100) as stack:
        node = _typed("docs/nodes.md", "node")
        url = stack.webs[0].url("/ws/node")
        stack.start("node", ["web.command", *node, "--node-id", "mine", "--url", url])
        stack.wait_dispatchable("mine")
        yield stack


@pytest.mark.parametrize(
    ("page", "word", "expected"),
    [
        ("docs/nodes.md", "say", "segundos, diz ana"),
        ("docs/nodes.md", "nodes", "mine"),
        ("docs/nodes.md", "explain", "on node mine"),
        ("docs/clients.md", "say", "segundos, diz ana"),
        ("README.md", "say", "segundos, diz ana"),
        ("README.zh-CN.md", "say", "segundos, diz ana"),
    ],
)
def test_what_is_typed_does_what_is_said(
    stack: Stack, tmp_path: Path, page: str, word: str, expected: str
) -> None:
    words = _typed(page, word)
    web = stack.webs[0]
    if word == "say":
        words += ["--url", web.url("/ws/session"), "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "web.command", *words],
        cwd=ROOT,
        env=os.environ | {"SPEECH_DISPATCH_URL": f"http://127.0.0.1:{web.port}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert expected in done.stdout
