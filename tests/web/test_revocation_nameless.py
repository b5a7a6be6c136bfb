"""Bans of peers that show no credential: they are believed what they say of themselves, and banned by it."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from scheduling.credentials.revocations import Entry, RevocationList
from scheduling.keys import Keys
from scheduling.store.plain import PlainStore
from tests.peers import FakeClient, Peer
from tests.stack import Stack, wait_until
from tests.valkey import Valkey
from tests.web.api.test_uploads import ask as upload
from tests.web.api.test_uploads import wav

SETTINGS = {"open": {}, "network": {"trusted_networks": "127.0.0.0/8"}}


@pytest.fixture(scope="module", params=SETTINGS)
def nameless(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Give a server that lets this machine in without a credential."""
    with Stack(**SETTINGS[request.param]) as running:
        yield running
        running.assert_clean_logs()


@pytest.fixture
def revoked(nameless: Stack) -> Iterator[RevocationList]:
    with PlainStore(nameless.valkey.url) as store:
        yield RevocationList(store, Keys("0"))


def opened(stack: Stack, tenant: str) -> str:
    """Try to open a session as a tenant; give the code of the error, "" for none.

    One that was let in just before the ban was known is closed without an answer.
    """
    with Peer(stack.webs[0].url("/ws/session")) as peer:
        peer.send(
            "session_init", client_version="1", platform="x", src_lang="en", tgt_lang="pt", tenant_id=tenant
        )
        with suppress(AssertionError):
            peer.wait_let_in("session_init_ack")
            return ""
        errors = peer.all("error")
        return str(errors[0]["code"]) if errors else "closed"


def test_a_ban_hits_those_who_state_its_tenant(nameless: Stack, revoked: RevocationList) -> None:
    """It was held against what a credential says alone, and these have none: they went on as before."""
    url = nameless.webs[0].url("/ws/session")
    with (
        FakeClient(url, "en", "pt", tenant_id="bad") as bad,
        FakeClient(url, "en", "pt", tenant_id="good") as good,
    ):
        revoked.add(Entry("tenant", "bad", "abuse", 0))
        code, why = bad.wait_closed()
        assert code == 1008
        assert "abuse" in why
        assert opened(nameless, "bad") == "FORBIDDEN"
        assert opened(nameless, "good") == ""
        good.send("client_heartbeat", session_id=good.session_id, timestamp=1)
        good.wait("server_heartbeat")
        status, body, *_ = upload(nameless, "POST", "utterances?src=en&tgt=pt&tenant=bad", wav())
        assert (status, body["error"]["code"]) == (403, "FORBIDDEN")
        assert "abuse" in body["error"]["message"]
        status, *_ = upload(nameless, "POST", "utterances?src=en&tgt=pt&tenant=good", wav())
        assert status != 403
    revoked.remove("tenant", "bad")
    wait_until(lambda: opened(nameless, "bad") == "", "the ban to be over")


def test_a_session_that_is_refused_leaves_the_former_one(nameless: Stack, revoked: RevocationList) -> None:
    with FakeClient(nameless.webs[0].url("/ws/session"), "en", "pt", tenant_id="fair") as client:
        revoked.add(Entry("tenant", "foul", "", 0))
        wait_until(lambda: opened(nameless, "foul") == "FORBIDDEN", "the ban to be known")
        client.send(
            "session_init", client_version="1", platform="x", src_lang="en", tgt_lang="pt", tenant_id="foul"
        )
        assert client.wait("error")["code"] == "FORBIDDEN"
        client.send("client_heartbeat", session_id=client.session_id, timestamp=1)
        client.wait("server_heartbeat")
    revoked.remove("tenant", "foul")


def test_an_address_of_a_trusted_network_that_was_banned_does_not_come_in(valkey: Valkey) -> None:
    """It came in, and was cut off only when its connections were looked through, every few seconds."""
    settings = {"trusted_networks": "127.0.0.0/8,10.0.0.0/8", "trusted_proxies": "127.0.0.1"}
    with (
        Stack(valkey=valkey, cell="banned", **settings) as running,
        PlainStore(valkey.url) as store,
    ):
        url, near, far = running.webs[0].url("/ws/session"), {"X-Forwarded-For": "10.0.0.1"}, "10.0.0.2"
        with FakeClient(url, headers=near) as client:
            RevocationList(store, Keys("banned")).add(Entry("subject", "10.0.0.1", "abuse", 0))
            assert client.wait_closed()[0] == 1008
        with pytest.raises(Exception, match="403"):
            Peer(url, near)
        FakeClient(url, headers={"X-Forwarded-For": far}).close()
