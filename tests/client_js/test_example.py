"""The example of a client runs as it is printed, against a real server and a pipeline of one's own."""

import os
import subprocess
from pathlib import Path

from tests.client_js.test_client import FLAGS, node
from tests.stack import ROOT, Stack

__all__ = ["node"]


def test_a_recording_is_spoken(node: str) -> None:
    pipeline = ["--pipeline", "examples.my_pipeline:MyPipeline", "--node-id", "mine"]
    with Stack(resource_threshold=100) as stack:
        stack.start("node", ["web.command", "node", *pipeline, "--url", stack.webs[0].url("/ws/node")])
        stack.wait_dispatchable("mine")
        url = stack.webs[0].url("/ws/session")
        command = [node, *FLAGS[:2], "examples/speak.mjs", "tests/data/jfk.wav", "en", "pt", url]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2, "the recording has two sentences"
    assert all("segundos, diz nobody" in line and "bytes of speech" in line for line in lines)
    assert done.stderr.split() == ["connecting", "open", "idle"]


def test_a_project_can_install_it(node: str, tmp_path: Path) -> None:
    """As ``npm install`` leaves it: a folder of that name, found by its name."""
    package = tmp_path / "node_modules" / "speech-dispatch-client"
    package.parent.mkdir()
    package.symlink_to(ROOT / "web" / "pages" / "static" / "client")
    code = "import('speech-dispatch-client').then((found) => console.log(Object.keys(found).sort().join()))"
    done = subprocess.run(
        [node, *FLAGS[:2], "-e", code],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Session,SpeechDispatchError" in done.stdout, done.stderr
