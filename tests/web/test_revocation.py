"""Credentials that are taken away while their owners are connected, and who is told."""

import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus

from scheduling.credentials import book
from scheduling.credentials.revocations import Entry, RevocationList
from scheduling.credentials.static import digest
from scheduling.keys import Keys
from scheduling.store.plain import PlainStore
from tests.credentials import CredentialFile, bearer
from tests.peers import FakeClient, FakeNode, Peer
from tests.stack import Stack, wait_until


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> CredentialFile:
    return CredentialFile(tmp_path_factory.mktemp("credentials"), "HS256", "EdDSA")


@pytest.fixture(scope="module")
def closed(file: CredentialFile) -> Iterator[Stack]:
    with Stack(webs=2, credentials_file=str(file.path)) as running:
        yield running
        running.assert_clean_logs()


@pytest.fixture
def revoked(closed: Stack) -> Iterator[RevocationList]:
    with PlainStore(closed.valkey.url) as store:
        yield RevocationList(store, Keys("0"))


def is_refused(stack: Stack, token: str, web: int = 0) -> bool:
    """Whether a client with this token is turned away."""
    try:
        Peer(stack.webs[web].url("/ws/session"), bearer(token)).close()
    except InvalidStatus as error:
        assert error.response.status_code in (401, 403)
        return True
    return False


def test_a_revoked_credential_is_cut_off_and_stays_out(
    closed: Stack, file: CredentialFile, revoked: RevocationList
) -> None:
    token, other = file.jwt("HS256", "client", "anna"), file.jwt("HS256", "client", "anna")
    identity = book.read_book(file.path.read_text(), file.path.parent).identify(token, time.time())
    url = closed.webs[1].url("/ws/session")
    with (
        FakeClient(url, headers=bearer(token)) as gone,
        FakeClient(url, credential=token) as gone_too,
        FakeClient(url, headers=bearer(other)) as stays,
    ):
        revoked.add(Entry("credential", identity.credential, "laptop lost", 0))
        for client in (gone, gone_too):
            code, why = client.wait_closed()
            assert code == 1008
            assert "laptop lost" in why
        stays.send("client_heartbeat", session_id=stays.session_id, timestamp=1)
        stays.wait("server_heartbeat")
    wait_until(lambda: is_refused(closed, token), "the other process to know it too")
    assert not is_refused(closed, other)
    revoked.remove("credential", identity.credential)
    wait_until(lambda: not is_refused(closed, token), "the credential to be accepted again")


@pytest.mark.parametrize("kind", ["subject", "tenant", "key"])
def test_a_ban_hits_everything_of_its_kind(
    closed: Stack, file: CredentialFile, revoked: RevocationList, kind: str
) -> None:
    token = file.jwt("EdDSA", "client", f"by-{kind}", tenant=f"of-{kind}")
    name = {"subject": "by-subject", "tenant": "of-tenant", "key": "EdDSA"}[kind]
    with FakeClient(closed.webs[0].url("/ws/session"), headers=bearer(token)) as client:
        revoked.add(Entry(kind, name, "abuse", 0))
        assert client.wait_closed()[0] == 1008
    assert is_refused(closed, token)
    revoked.remove(kind, name)
    wait_until(lambda: not is_refused(closed, token), "the ban to be over")


def test_a_banned_node_is_cut_off_whatever_token_it_has(
    closed: Stack, file: CredentialFile, revoked: RevocationList
) -> None:
    url = closed.webs[0].url("/ws/node")
    with FakeNode(url, ("m", "n"), headers=bearer(file.jwt("HS256", "node", "bad"))) as node:
        revoked.add(Entry("node", node.node_id, "wrong results", 0))
        assert node.wait_closed()[0] == 1008
    with pytest.raises(AssertionError, match="FORBIDDEN"):
        FakeNode(url, ("m", "n"), node_id=node.node_id, headers=bearer(file.jwt("EdDSA", "node", "bad")))
    revoked.remove("node", node.node_id)


def test_a_plain_command_revokes_too(closed: Stack, file: CredentialFile, revoked: RevocationList) -> None:
    token = file.jwt("HS256", "client", "by-hand")
    with (
        FakeClient(closed.webs[0].url("/ws/session"), headers=bearer(token)) as client,
        closed.redis as redis,
    ):
        redis.hset("sd:{0}:revoked", "subject:by-hand", "1")
        redis.hincrby("sd:{0}:revoked", "version", 1)
        assert client.wait_closed()[0] == 1008
    revoked.remove("subject", "by-hand")


def test_a_revocation_outlives_the_loss_of_the_ledger(
    closed: Stack, file: CredentialFile, revoked: RevocationList
) -> None:
    """What was taken away stays so when Redis comes back empty: those who know it write it again."""
    token = file.jwt("HS256", "client", "forgotten")
    revoked.add(Entry("subject", "forgotten", "abuse", 0))
    wait_until(lambda: is_refused(closed, token) and is_refused(closed, token, 1), "both to know it")
    with closed.redis as redis:
        redis.delete("sd:{0}:revoked")
    wait_until(lambda: ("subject", "forgotten") in revoked.read().entries, "it to be written again")
    assert is_refused(closed, token)
    revoked.remove("subject", "forgotten")


def test_a_revocation_may_end_by_itself(store: PlainStore) -> None:
    listed = RevocationList(store, Keys("0"))
    listed.add(Entry("subject", "a", "", 0, until_ms=1), Entry("subject", "b", "", 0))
    assert set(listed.read().entries) == {("subject", "b")}
    assert store.command("HEXISTS", "sd:{0}:revoked", "subject:a") == 0


def test_what_was_written_by_hand_holds_however_it_ends(store: PlainStore) -> None:
    """An end that is no number kept every web process from reading any revocation."""
    for number, until in enumerate(('"soon"', "[]", "1e999", "null")):
        store.command("HSET", "sd:{0}:revoked", f"subject:{number}", f'{{"at_ms": 1, "until_ms": {until}}}')
    found = RevocationList(store, Keys("0")).read()
    assert {entry.until_ms for entry in found.entries.values()} == {None}
    assert len(found.entries) == 4


def test_what_is_taken_out_of_the_file_is_cut_off(closed: Stack, file: CredentialFile) -> None:
    token = file.static("client", "leaves")
    wait_until(lambda: not is_refused(closed, token), "the new token to be known")
    with FakeClient(closed.webs[0].url("/ws/session"), headers=bearer(token)) as client:
        text = file.path.read_text()
        assert digest(token) in text
        file.path.write_text(text[: text.rindex("[[tokens]]")])
        code, why = client.wait_closed()
    assert code == 1008
    assert "ended" in why
    assert is_refused(closed, token)


def test_a_file_that_is_wrong_changes_nothing(closed: Stack, file: CredentialFile) -> None:
    token, text = file.jwt("HS256", "client"), file.path.read_text()
    file.path.write_text(text + "\n[[tokens]]\nsecret = 'hushhush'\n")
    closed.webs[0].wait_log("the credentials stay as they were")
    assert not is_refused(closed, token)
    assert "hushhush" not in closed.webs[0].log
    file.path.write_text(text)


def test_a_connection_ends_with_its_token(closed: Stack, file: CredentialFile) -> None:
    """It lasts until the leeway for clocks is over, and at most 5 s longer."""
    token = file.signed("HS256", {"sub": "short", "role": "client", "exp": time.time() - 27})
    with FakeClient(closed.webs[0].url("/ws/session"), headers=bearer(token)) as client:
        assert client.wait_closed()[0] == 1008
