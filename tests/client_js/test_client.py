"""The JavaScript client against the real system: each file of tests beside this one runs in Node."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import ROOT, Stack

HERE = Path(__file__).parent
#: Node 20 has a WebSocket behind this word; later ones have it anyway.
FLAGS = ("--experimental-websocket", "--no-warnings", "--test-timeout=40000")
PAIRS = "en-pt,pt-en,de-en"


@pytest.fixture(scope="session")
def node() -> str:
    """Give Node's program; without it the tests are skipped, and fail in CI."""
    program = shutil.which("node")
    if program is None:
        words = "no Node on this machine (Debian: apt-get install nodejs)"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return program


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Give two servers, and an echoing node that shows two partial texts."""
    with Stack(webs=2, workers=True, resume_ms=3000, resource_threshold=100) as stack:
        echo = [
            "web.command",
            "node",
            "--pipeline",
            "echo",
            "--pairs",
            PAIRS,
            "--partials",
            "2",
            "--node-id",
            "echo",
        ]
        stack.start("node", [*echo, "--url", stack.webs[1].url("/ws/node")]).wait_log(
            "sees this node as ready"
        )
        stack.wait_dispatchable("echo")
        yield stack


@pytest.mark.parametrize("file", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_of_the_client(node: str, stack: Stack, file: str) -> None:
    urls = ",".join(web.url("/ws/session") for web in stack.webs)
    done = subprocess.run(
        [node, *FLAGS, "--test", "--test-reporter=spec", str(HERE / file)],
        cwd=ROOT,
        env=os.environ | {"SESSION_URLS": urls},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass 0" not in done.stdout
    stack.assert_clean_logs()
