"""Our own node and client at a server that wants credentials, as the commands that people run."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import warm
from tests.credentials import CredentialFile
from tests.stack import ROOT, Stack, wait_until

RECORDING = ROOT / "tests" / "data" / "jfk.wav"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> CredentialFile:
    return CredentialFile(tmp_path_factory.mktemp("credentials"), "HS256")


@pytest.fixture(scope="module")
def secret(file: CredentialFile) -> str:
    return file.path_secret("node", "old")


@pytest.fixture(scope="module")
def closed(file: CredentialFile, secret: str) -> Iterator[Stack]:
    with Stack(credentials_file=str(file.path), resource_threshold=100) as running:
        yield running
        logs = "".join(process.log for process in running.processes)
        assert secret not in logs
        assert "eyJ" not in logs


def node(stack: Stack, name: str, path: str = "/ws/node") -> list[str]:
    """Give the command that runs a node."""
    return ["web.command", "node", "--pipeline", "echo", "--node-id", name, "--url", stack.webs[0].url(path)]


def test_a_node_and_a_client_show_their_tokens(closed: Stack, file: CredentialFile, tmp_path: Path) -> None:
    token = {"SPEECH_DISPATCH_TOKEN": file.jwt("HS256", "node", "echo")}
    closed.start("by-token", node(closed, "echo-1"), token).wait_log("registered at")
    closed.wait_dispatchable("echo-1")
    words = [
        "say",
        str(RECORDING),
        "--from",
        "en",
        "--to",
        "pt",
        "--fast",
        "--url",
        closed.webs[0].url("/ws/session"),
    ]
    refused = "SPEECH_DISPATCH_TOKEN"
    for given, code, said in (
        (file.jwt("HS256", "client"), 0, ""),
        ("", 1, f"UNAUTHORIZED: This server wants a credential.*{refused}"),
        ("sdt_wrong", 1, f"UNAUTHORIZED: This credential is not known here.*{refused}"),
        (file.jwt("HS256", "node"), 1, f"FORBIDDEN: .*{refused}"),
    ):
        options = ("--out", str(tmp_path), "--token", given)
        ended = warm.run("web.command", *words, *options, env=os.environ)
        assert ended.returncode == code, ended.stderr
        assert "Traceback" not in ended.stderr
        assert re.search(said, ended.stderr), ended.stderr
        assert "no dispatch server" not in ended.stderr  # it was said of a server that refused a token


def test_a_node_comes_in_by_a_path_secret_and_does_not_tell_it(closed: Stack, secret: str) -> None:
    by_path = closed.start("by-path", node(closed, "echo-2", f"/ws/node/{secret}"))
    by_path.wait_log("registered at")
    assert secret not in by_path.log
    assert "/ws/node/*** as" in by_path.log


@pytest.mark.parametrize("token", ["", "sdt_wrong"])
def test_a_node_that_is_refused_ends_and_says_why(closed: Stack, token: str) -> None:
    refused = closed.start(f"refused-{token}", node(closed, "echo-3"), {"SPEECH_DISPATCH_TOKEN": token})
    wait_until(lambda: not refused.running, "the node to give up")
    assert refused.wait() == 2
    assert "UNAUTHORIZED" in refused.log
    assert "A command shows the token of --token or SPEECH_DISPATCH_TOKEN." in refused.log
    assert "Traceback" not in refused.log
