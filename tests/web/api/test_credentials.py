"""What each credential may do over HTTP, and taking credentials away there."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from scheduling.credentials import Role
from tests.credentials import CredentialFile, bearer
from tests.peers import FakeClient, FakeNode
from tests.stack import Stack

RECORDING = bytes(3200)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> CredentialFile:
    return CredentialFile(tmp_path_factory.mktemp("credentials"), "HS256")


@pytest.fixture(scope="module")
def closed(file: CredentialFile) -> Iterator[Stack]:
    with Stack(credentials_file=str(file.path), admin_token="simple-and-long") as running:
        yield running
        running.assert_clean_logs()
        assert "simple-and-long" not in "".join(process.log for process in running.processes)


def ask(
    stack: Stack, path: str, token: str = "", method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, Any]:
    """Give status and JSON of an answer."""
    named = (bearer(token) if token else {}) | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    url = f"http://127.0.0.1:{stack.webs[0].port}/api/v1/{path}"
    request = urllib.request.Request(url, body, named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_who_guesses_an_operators_token_is_counted(closed: Stack) -> None:
    """Only sockets and recordings counted, so that nobody saw tokens of operators being guessed."""
    before = closed.webs[0].stats()["refused_credentials"]
    ask(closed, "nodes")
    ask(closed, "nodes", "guess")
    after = closed.webs[0].stats()["refused_credentials"]
    assert {name: after[name] - before.get(name, 0) for name in ("missing", "unknown")} == {
        "missing": 1,
        "unknown": 1,
    }


def test_operators_have_a_credential_or_the_simple_token(closed: Stack, file: CredentialFile) -> None:
    for token in (file.jwt("HS256", "admin"), "simple-and-long"):
        assert ask(closed, "nodes", token)[0] == 200
    assert ask(closed, "nodes")[0] == 401
    for wrong in (
        "simple-and-lon",
        "nonsense",
        file.signed("HS256", {"sub": "x", "role": "admin", "exp": 1}),
    ):
        assert ask(closed, "nodes", wrong)[0] == 401
    roles: tuple[Role, ...] = ("node", "client")
    for role in roles:
        status, body = ask(closed, "nodes", file.jwt("HS256", role))
        assert (status, body["error"]["code"]) == (403, "FORBIDDEN")


def test_a_node_sees_itself_and_no_other(closed: Stack, file: CredentialFile) -> None:
    mine, others = file.jwt("HS256", "node", "mine"), file.jwt("HS256", "node", "others")
    with FakeNode(closed.webs[0].url("/ws/node"), ("q", "r"), headers=bearer(mine)) as node:
        for path in (f"nodes/{node.node_id}", f"nodes/{node.node_id}/explain"):
            assert ask(closed, path, mine)[0] == 200
            assert ask(closed, path, others)[0] == 403
            assert ask(closed, path)[0] == 401
        assert ask(closed, "nodes/no-such-node", mine)[0] == 403
        assert ask(closed, f"nodes/{node.node_id}/drain", mine, "POST")[0] == 403
        assert ask(closed, "stats", mine)[0] == 403


def test_recordings_want_a_client(closed: Stack, file: CredentialFile) -> None:
    with FakeNode(
        closed.webs[0].url("/ws/node"), ("s", "t"), headers=bearer(file.jwt("HS256", "node"))
    ) as node:
        closed.wait_dispatchable(node.node_id)
        path = "utterances?src=s&tgt=t&tenant=globex"
        assert ask(closed, path, "", "POST", RECORDING)[0] == 401
        assert ask(closed, path, file.jwt("HS256", "node"), "POST", RECORDING)[0] == 403
        narrow = file.jwt("HS256", "client", languages=["en"])
        assert ask(closed, path, narrow, "POST", RECORDING)[0] == 403
        token = file.jwt("HS256", "client", tenant="acme")
        status, body = ask(closed, path, token, "POST", RECORDING, Content_Type="audio/l16")
        assert status == 200
        assert ask(closed, f"utterances/{body['job_id']}")[0] == 401
        assert ask(closed, f"utterances/{body['job_id']}", token)[0] == 200
        other = file.jwt("HS256", "client", tenant="globex")
        assert ask(closed, f"utterances/{body['job_id']}", other)[0] == 404
        with closed.redis as redis:
            assert redis.hget(f"sd:{{0}}:job:{body['job_id']}", "tenant") != "globex"


def test_pages_of_other_origins_may_not_send_recordings(closed: Stack, file: CredentialFile) -> None:
    token = file.jwt("HS256", "client")
    path = "utterances?src=s&tgt=t"
    assert ask(closed, path, token, "POST", RECORDING, Origin="https://evil.example")[0] == 403


def test_what_everybody_may_read_stays_open(closed: Stack) -> None:
    for path in ("languages", "openapi.json", "process"):
        assert ask(closed, path)[0] == 200


def test_operators_take_away_and_give_back(closed: Stack, file: CredentialFile) -> None:
    admin, token = "simple-and-long", file.jwt("HS256", "client", "eve")
    assert ask(closed, "revocations/subject/eve", token, "POST")[0] == 403
    with FakeClient(closed.webs[0].url("/ws/session"), headers=bearer(token)) as client:
        said = json.dumps({"reason": "abuse", "for_s": 600}).encode()
        status, body = ask(closed, "revocations/subject/eve", admin, "POST", said)
        assert (status, body["reason"], body["until_ms"] - body["at_ms"]) == (200, "abuse", 600_000)
        assert client.wait_closed()[0] == 1008
    assert [each["name"] for each in ask(closed, "revocations", admin)[1]["revocations"]] == ["eve"]
    assert ask(closed, "revocations/subject/eve", admin, "DELETE")[0] == 200
    assert ask(closed, "revocations/subject/eve", admin, "DELETE")[0] == 404
    assert ask(closed, "revocations/colour/eve", admin, "POST")[0] == 400
    for wrong in (b"[]", b'{"for_s": 0}', b'{"for_s": true}', b'{"for_s": "1"}'):
        assert ask(closed, "revocations/subject/eve", admin, "POST", wrong)[0] == 400
