"""What goes through nginx and Caddy with our own files: sockets, recordings, and nobody at an open server."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.credentials import CredentialFile
from tests.programs import needs
from tests.proxies import Proxy, caddy, nginx
from tests.stack import ROOT, Stack
from web.doctor.finding import Level
from web.doctor.http import look_at_url

Kind = Callable[[Path, int, tuple[int, int]], list[str]]
BOTH = [
    pytest.param(nginx, marks=needs("nginx", "nginx-light"), id="nginx"),
    pytest.param(caddy, marks=needs("caddy", "caddy"), id="caddy"),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> CredentialFile:
    return CredentialFile(tmp_path_factory.mktemp("credentials"), "HS256")


@pytest.fixture(scope="module")
def secret(file: CredentialFile) -> str:
    return file.path_secret("node", "old-agents")


@pytest.fixture(scope="module")
def closed(file: CredentialFile, secret: str) -> Iterator[Stack]:
    with Stack(webs=2, credentials_file=str(file.path), resource_threshold=100) as stack:
        yield stack


def before(stack: Stack, kind: Kind, folder: Path) -> Proxy:
    """Give a proxy, not yet started, before the two web processes of a stack."""
    return Proxy(kind, folder, (stack.webs[0].port, stack.webs[-1].port))


@pytest.mark.parametrize("kind", BOTH)
def test_a_recording_is_spoken_and_translated_through_it(
    closed: Stack, file: CredentialFile, secret: str, kind: Kind, tmp_path: Path
) -> None:
    name = f"behind-{kind.__name__}"
    with before(closed, kind, tmp_path) as proxy:
        assert [each.level for each in look_at_url(proxy.url)][-1] is Level.OK
        url = proxy.socket(f"/ws/node/{secret}")
        words = ["node", "--pipeline", "echo", "--node-id", name, "--url", url]
        node = closed.start(name, ["web.command", *words])
        closed.wait_dispatchable(name)
        done = subprocess.run(
            [sys.executable, "-m", "web.command", "say", str(ROOT / "tests" / "data" / "jfk.wav"), "--fast",
             "--from", "en", "--to", "pt", "--url", proxy.socket("/ws/session"), "--out", str(tmp_path)],
            cwd=ROOT, env=os.environ | {"SPEECH_DISPATCH_TOKEN": file.jwt("HS256", "client")},
            capture_output=True, text=True, check=False, timeout=90,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "pt: " in done.stdout
        node.terminate()
        node.wait()
        assert secret not in proxy.log


@pytest.mark.parametrize("kind", BOTH)
def test_the_doctor_tells_that_an_open_server_lets_nobody_in_through_it(kind: Kind, tmp_path: Path) -> None:
    """It took the refusal for a wish for a credential: every check was ok where nobody could enter."""
    with Stack() as stack, before(stack, kind, tmp_path) as proxy:
        found = {finding.check: finding for finding in look_at_url(proxy.url)}
    assert found["http"].level is not Level.FAILED
    assert found["websocket"].level is Level.FAILED
    assert "not through a proxy" in found["websocket"].says
    assert "CREDENTIALS_FILE" in found["websocket"].advice
