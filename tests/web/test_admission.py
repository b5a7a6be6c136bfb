"""Every way in, and every refusal, over real sockets of a server with credentials."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from scheduling.credentials import Role
from scheduling.credentials.jwt_keys import ALGORITHMS
from tests.credentials import CredentialFile, bearer, unsigned
from tests.peers import FakeClient, FakeNode, Peer
from tests.stack import Stack, wait_until
from tests.valkey import Valkey

PATHS: dict[Role, str] = {"node": "/ws/node", "client": "/ws/session"}
#: The least that each may open with.
FIRST: dict[Role, dict[str, Any]] = {
    "client": {
        "type": "session_init", "client_version": "1", "platform": "t", "src_lang": "en", "tgt_lang": "pt",
    },
    "node": {
        "type": "node_register", "version": "2", "capability_schema_version": "2.0", "platform": "t",
        "hardware": {"cpu_cores": 1, "memory_gb": 1}, "installed_models": [], "features_supported": {},
        "capability_by_type": [], "accept_public_jobs": True,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> CredentialFile:
    return CredentialFile(tmp_path_factory.mktemp("credentials"), *ALGORITHMS)


@pytest.fixture(scope="module")
def closed(file: CredentialFile) -> Iterator[Stack]:
    """Give two web processes that let nobody in without a credential."""
    with Stack(
        webs=2, credentials_file=str(file.path), allowed_origins="https://app.example", relax_ms=200
    ) as running:
        yield running
        running.assert_clean_logs()
        logs = "".join(process.log for process in running.processes)
        assert "eyJ" not in logs
        assert "sdt_" not in logs


def refused(stack: Stack, path: str, headers: dict[str, str] | None = None, **other: str) -> int:
    """Give the status that a handshake is refused with."""
    with pytest.raises(InvalidStatus) as caught:
        Peer(stack.webs[0].url(path), {**(headers or {}), **other}).close()
    body = caught.value.response.body or b""
    assert b"Traceback" not in body
    return caught.value.response.status_code


def told(stack: Stack, role: Role, **members: Any) -> tuple[str, int, str]:
    """Send a first message; give the code of the error, and how the socket was closed."""
    with Peer(stack.webs[0].url(PATHS[role])) as peer:
        peer.send_raw(json.dumps(FIRST[role] | members))
        error = peer.wait("error")
        code, why = peer.wait_closed()
        assert error["message"]
        return error["code"], code, why


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_jwt_in_the_handshake(closed: Stack, file: CredentialFile, algorithm: str) -> None:
    pair = (f"a{algorithm.lower()}", "b")
    node = FakeNode(
        closed.webs[0].url("/ws/node"), pair, headers=bearer(file.jwt(algorithm, "node", algorithm))
    )
    with node:
        closed.wait_dispatchable(node.node_id)
        url = closed.webs[1].url("/ws/session")
        with FakeClient(url, *pair, headers=bearer(file.jwt(algorithm, "client"))) as client:
            client.say()
            assert client.result()["text_translated"] == "b 0"


def test_a_token_in_the_first_message(closed: Stack, file: CredentialFile) -> None:
    with (
        FakeNode(closed.webs[0].url("/ws/node"), ("c", "d"), credential=file.jwt("EdDSA", "node", "first")),
        FakeClient(closed.webs[0].url("/ws/session"), "c", "d", credential=file.jwt("ES256", "client")),
        closed.redis as redis,
    ):
        assert "eyJ" not in str([redis.hgetall(key) for key in redis.keys("sd:{0}:session:*")])
        assert "eyJ" not in str([redis.hgetall(key) for key in redis.keys("sd:{0}:node:*")])


def test_a_static_token_and_a_path_secret_that_are_new(closed: Stack, file: CredentialFile) -> None:
    """Both are added while the servers run."""
    token = file.static("client", "static")
    secret = file.path_secret("node", "old-agents")
    _until_known(closed, token)
    with (
        FakeNode(closed.webs[0].url(f"/ws/node/{secret}"), ("e", "f")) as node,
        FakeClient(closed.webs[0].url("/ws/session"), "e", "f", headers=bearer(token)) as client,
    ):
        closed.wait_dispatchable(node.node_id)
        client.say()
        assert client.result()["text_asr"] == "e 0"
    assert refused(closed, f"/ws/session/{secret}") == 403
    assert refused(closed, f"/ws/node/{secret}x") == 401
    assert secret not in "".join(process.log for process in closed.processes)


def _until_known(stack: Stack, token: str) -> None:
    """Wait until both processes have read the file anew: they look each second."""

    def is_known(url: str) -> bool:
        with suppress(InvalidStatus), Peer(url, bearer(token)):
            return True
        return False

    for web in stack.webs:
        wait_until(partial(is_known, web.url("/ws/session")), f"{web.name} to know the token")


def test_without_a_credential_nobody_enters(closed: Stack) -> None:
    for role in PATHS:
        code, closed_with, why = told(closed, role)
        assert (code, closed_with) == ("UNAUTHORIZED", 1008)
        assert "credential" in why


@pytest.mark.parametrize("role", list(PATHS))
def test_a_token_that_is_wrong_is_refused(closed: Stack, file: CredentialFile, role: Role) -> None:
    good = {"sub": "x", "role": role, "exp": time.time() + 99}
    tokens = [
        file.jwt("HS256", role, expires_s=time.time() - 3600),
        file.signed("HS256", good | {"nbf": time.time() + 3600}),
        file.signed("ES256", good),
        file.signed("unknown", good),
        unsigned({"alg": "none", "kid": "HS256"}, good),
        "nonsense",
    ]
    for token in tokens:
        assert refused(closed, PATHS[role], bearer(token)) == 401
        assert told(closed, role, credential=token)[:2] == ("UNAUTHORIZED", 1008)


def test_a_token_of_another_role_is_refused(closed: Stack, file: CredentialFile) -> None:
    others: list[tuple[Role, Role]] = [
        ("node", "client"), ("client", "node"), ("node", "admin"), ("client", "admin"),
    ]  # fmt: skip
    for role, other in others:
        assert refused(closed, PATHS[role], bearer(file.jwt("HS256", other))) == 403


def test_the_tenant_is_that_of_the_credential(closed: Stack, file: CredentialFile) -> None:
    """A client that calls itself another tenant is taken for its own all the same."""
    token = file.jwt("HS256", "client", tenant="acme")
    url = closed.webs[0].url("/ws/session")
    with FakeClient(url, headers=bearer(token), tenant_id="globex") as client:
        record = closed.redis.hgetall(f"sd:{{0}}:session:{client.session_id}")
        assert '"tenant_id": "acme"' in record["profile"]
        assert "globex" not in str(record)
    with FakeClient(url, headers=bearer(file.jwt("HS256", "client")), tenant_id="globex") as client:
        assert "globex" not in str(closed.redis.hgetall(f"sd:{{0}}:session:{client.session_id}"))


def test_a_session_is_resumed_by_its_own_tenant_only(closed: Stack, file: CredentialFile) -> None:
    url = closed.webs[0].url("/ws/session")
    mine = bearer(file.jwt("HS256", "client", "anna", tenant="acme"))
    with FakeClient(url, headers=mine, resumable=True) as client:
        ack = client.wait("session_init_ack")
    resume = {
        "session_id": ack["session_id"], "token": ack["resume_token"], "epoch": ack["epoch"], "offset": 0,
    }  # fmt: skip
    other = bearer(file.jwt("HS256", "client", "eve", tenant="globex"))
    with FakeClient(url, headers=other, resume=resume) as thief:
        assert thief.wait("session_init_ack")["resumed"] is False
        assert thief.session_id != ack["session_id"]
    renewed = bearer(file.jwt("EdDSA", "client", "anna", tenant="acme"))
    with FakeClient(url, headers=renewed, resume=resume) as again:
        assert again.wait("session_init_ack")["resumed"] is True


def test_languages_are_those_of_the_credential(closed: Stack, file: CredentialFile) -> None:
    token = file.jwt("HS256", "client", languages=["en", "pt"])
    assert told(closed, "client", credential=token, tgt_lang="de")[0] == "FORBIDDEN"
    with FakeClient(closed.webs[0].url("/ws/session"), headers=bearer(token)) as client:
        client.utterance(tgt_lang="de")
        assert client.wait("error")["code"] == "FORBIDDEN"
        client.send("room_create", session_id=client.session_id, client_ts=1, preferred_lang="de")
        client.wait("error", 2, code="FORBIDDEN")


def test_a_node_serves_the_languages_of_its_credential_only(closed: Stack, file: CredentialFile) -> None:
    token = file.jwt("HS256", "node", "narrow", languages=["g", "h"])
    pairs = (("g", "h"), ("g", "secret"))
    with FakeNode(closed.webs[0].url("/ws/node"), *pairs, headers=bearer(token)) as node:
        assert '"secret"' not in closed.record_of(node.node_id)["class_json"]
        node.heartbeat()
        closed.wait_dispatchable(node.node_id)
        assert '"secret"' not in closed.record_of(node.node_id)["class_json"]


def test_a_node_id_belongs_to_one_owner(closed: Stack, file: CredentialFile) -> None:
    """A renewed token of the same owner keeps the id; anybody else's is told of the conflict."""
    url = closed.webs[0].url("/ws/node")
    with FakeNode(url, ("i", "j"), headers=bearer(file.jwt("HS256", "node", "owner"))) as first:
        with pytest.raises(AssertionError, match="NODE_ID_CONFLICT"):
            FakeNode(
                url, ("i", "j"), node_id=first.node_id, headers=bearer(file.jwt("HS256", "node", "thief"))
            )
        renewed = bearer(file.jwt("ES256", "node", "owner"))
        with FakeNode(closed.webs[1].url("/ws/node"), ("i", "j"), node_id=first.node_id, headers=renewed):
            assert first.wait_closed()[0] == 4001


def test_a_credential_for_one_node_is_for_no_other(closed: Stack, file: CredentialFile) -> None:
    url = closed.webs[0].url("/ws/node")
    token = bearer(file.jwt("HS256", "node", "bound", node_id="bound-1"))
    with FakeNode(url, ("k", "l"), headers=token) as node:
        assert node.node_id == "bound-1"
    with pytest.raises(AssertionError, match="NODE_ID_CONFLICT"):
        FakeNode(url, ("k", "l"), node_id="bound-2", headers=token)


def test_pages_of_other_origins_may_not_come(closed: Stack, file: CredentialFile) -> None:
    port = closed.webs[0].port
    token = bearer(file.jwt("HS256", "client"))
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{port + 1}", "http://app.example"):
        assert refused(closed, "/ws/session", token, Origin=origin) == 403
    for origin in ("https://app.example", f"http://127.0.0.1:{port}", f"https://127.0.0.1:{port}"):
        url = closed.webs[0].url("/ws/session")
        FakeClient(url, headers={**token, "Origin": origin}).close()


def test_a_path_secret_is_in_no_log_however_much_is_logged(tmp_path: Path, valkey: Valkey) -> None:
    file = CredentialFile(tmp_path)
    secret = file.path_secret("node", "old")
    loud = {"log_level": "DEBUG", "access_log": True}
    with Stack(valkey=valkey, cell="paths", credentials_file=str(file.path), **loud) as stack:
        FakeNode(stack.webs[0].url(f"/ws/node/{secret}"), ("u", "v")).close()
        for wrong in (f"/ws/session/{secret}", f"/ws/node/{secret}/more", f"/ws/node/{secret}?x=%00"):
            with suppress(InvalidStatus):
                Peer(stack.webs[0].url(wrong)).close()
        with socket.create_connection(("127.0.0.1", stack.webs[0].port)) as sock:
            sock.sendall(f"GET /ws/node/{secret} NONSENSE\r\n\r\n".encode())
            assert sock.recv(1000)
        log = stack.webs[0].log
    assert "node registered" in log
    assert '"path": "/ws/node/***"' in log
    assert secret not in log


@pytest.mark.parametrize("role", list(PATHS))
def test_a_stranger_has_room_for_a_first_message_only(closed: Stack, role: Role) -> None:
    """Whoever had no credential could keep 16 MiB of this process for each of his sockets."""
    with Peer(closed.webs[0].url(PATHS[role])) as peer:
        peer.send_raw(json.dumps(FIRST[role] | {"more": "x" * 600_000}))
        assert peer.wait_closed()[0] == 1009


def test_who_is_known_may_send_large_messages(closed: Stack, file: CredentialFile) -> None:
    token, url = file.jwt("HS256", "client"), closed.webs[0].url("/ws/session")
    with FakeClient(url, headers=bearer(token)) as early, FakeClient(url, credential=token) as late:
        for client in (early, late):
            client.utterance(audio=bytes(600_000))
            assert client.wait("error")["code"] in ("UNSUPPORTED_FEATURE", "NO_AVAILABLE_NODE")


def test_refusals_are_counted_by_their_reason(closed: Stack, file: CredentialFile) -> None:
    assert refused(closed, "/ws/session", bearer("sdt_nobodys")) == 401
    assert refused(closed, "/ws/session", bearer(file.jwt("HS256", "node"))) == 403
    assert refused(closed, "/ws/session", Origin="https://evil.example") == 403
    counts = closed.webs[0].stats()["refused_credentials"]
    assert {"unknown", "wrong_role", "wrong_origin"} <= set(counts)
