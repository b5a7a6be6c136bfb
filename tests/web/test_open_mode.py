"""Without credentials: this machine only, unless a network is trusted; and how a path secret is hidden."""

import logging
import os
import subprocess
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from scheduling.redaction import HIDDEN, install, redact
from tests import warm
from tests.credentials import CredentialFile
from tests.peers import FakeClient, FakeNode, Peer
from tests.stack import Stack
from tests.valkey import Valkey, free_port


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {
        name: value for name, value in os.environ.items() if name not in ("CREDENTIALS", "CREDENTIALS_FILE")
    }
    return warm.run(*words, env={**env, **environment})


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
@pytest.mark.parametrize("command", [("web.command", "web"), ("web.serve",)])
def test_an_open_server_does_not_listen_to_the_network(host: str, command: tuple[str, ...]) -> None:
    ended = run(*command, HOST=host, PORT=str(free_port()), REDIS_URL="redis://127.0.0.1:1")
    assert ended.returncode not in (0, None)
    assert "CREDENTIALS_FILE" in ended.stderr
    assert "TRUSTED_NETWORKS" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_nor_does_everything_at_once() -> None:
    ended = run("web.command", "up", "--host", "0.0.0.0", "--no-node", "--port", str(free_port()))
    assert ended.returncode == 2
    assert "CREDENTIALS_FILE" in ended.stderr


def test_credentials_that_are_wrong_or_empty_do_not_open_it() -> None:
    place = {"HOST": "0.0.0.0", "PORT": str(free_port()), "REDIS_URL": "redis://127.0.0.1:1"}
    for text in ("# nothing yet", "[[tokens]]"):
        ended = run("web.command", "web", **place, CREDENTIALS=text)
        assert ended.returncode == 2
        assert "Traceback" not in ended.stderr


def test_an_open_server_takes_nobody_through_a_proxy(stack: Stack) -> None:
    with pytest.raises(InvalidStatus) as caught:
        Peer(stack.webs[0].url("/ws/session"), {"X-Forwarded-For": "203.0.113.7"})
    assert caught.value.response.status_code == 403


def test_a_credential_is_not_wanted_but_does_no_harm(stack: Stack, pair: tuple[str, str]) -> None:
    with (
        FakeNode(
            stack.webs[0].url("/ws/node"), pair, headers={"Authorization": "Bearer any"}, credential="own"
        ) as node,
        FakeClient(stack.webs[0].url("/ws/session"), *pair, credential="any") as client,
    ):
        stack.wait_dispatchable(node.node_id)
        client.say()
        assert client.result()["type"] == "translation_result"


def test_a_trusted_network_needs_no_credential(valkey: Valkey) -> None:
    with Stack(valkey=valkey, cell="trusted", trusted_networks="127.0.0.0/8,10.0.0.0/8") as running:
        url = running.webs[0].url("/ws/session")
        FakeClient(url).close()
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
            with pytest.raises(AssertionError, match="UNAUTHORIZED"):
                FakeClient(url, headers={name: "10.0.0.1"})


def test_a_socket_stays_with_its_node_whatever_credential_comes_later(valkey: Valkey, tmp_path: Path) -> None:
    """One for another node id moved the socket on, and left the former node connected for ever."""
    file = CredentialFile(tmp_path)
    token = file.static("node", "late", node_id="late-1")
    settings = {"trusted_networks": "127.0.0.0/8", "credentials_file": str(file.path)}
    with (
        Stack(valkey=valkey, cell="later", **settings) as running,
        FakeNode(running.webs[0].url("/ws/node"), ("a", "b")) as node,
    ):
        node.register(credential=token)
        error = node.wait("error")
        assert error["code"] == "INVALID_MESSAGE"
        assert node.node_id in error["message"]
        assert running.webs[0].stats()["nodes"] == 1


def test_behind_a_trusted_proxy_the_address_is_the_one_it_names(valkey: Valkey) -> None:
    settings = {"trusted_networks": "10.0.0.0/8", "trusted_proxies": "127.0.0.1"}
    with Stack(valkey=valkey, cell="proxied", **settings) as running:
        url = running.webs[0].url("/ws/session")
        FakeClient(url, headers={"X-Forwarded-For": "203.0.113.9, 10.1.2.3"}).close()
        for hops in ("203.0.113.9", "10.1.2.3, 203.0.113.9", "10.1.2.3, nonsense", "", "127.0.0.1"):
            with pytest.raises(AssertionError, match="UNAUTHORIZED"):
                FakeClient(url, headers={"X-Forwarded-For": hops})


SECRET = "Vf3hZ0t8Qm1xYd5Kc7Rb2Wn9Lp4Js6Ga_-Tu8Eo3Hi0"


@pytest.mark.parametrize(
    "line",
    [
        f'127.0.0.1 - - "GET /ws/node/{SECRET} HTTP/1.1" 101 0',
        f"Error handling request /ws/session/{SECRET}",
        f"Exception on /ws/node/{SECRET}?x=1 [GET]",
        f"ws://host/ws/node/{SECRET}, then",
        f"GET /ws/nodes//{SECRET}/more 404",
        f"{{'Authorization': 'Bearer {SECRET}'}}",
        f"sdt_{SECRET}",
        f"token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{SECRET}",
    ],
)
def test_secrets_are_hidden_in_every_line(line: str) -> None:
    assert SECRET not in redact(line)
    assert HIDDEN in redact(line)


def test_secrets_are_hidden_whoever_logs_them(caplog: pytest.LogCaptureFixture) -> None:
    former = logging.getLogRecordFactory()
    install()
    try:
        log = logging.getLogger("gunicorn.access")
        log.warning("%(r)s %(s)s", {"r": f"GET /ws/node/{SECRET} HTTP/1.1", "s": 101})
        try:
            raise ValueError(f"/ws/session/{SECRET}")
        except ValueError:
            log.exception("Error handling request %s", f"/ws/session/{SECRET}")
        log.warning("what anybody may read: %s", "/ws/node")
    finally:
        logging.setLogRecordFactory(former)
    assert SECRET not in caplog.text
    assert "ValueError" in caplog.text
    assert "what anybody may read: /ws/node" in caplog.text
