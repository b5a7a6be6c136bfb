"""Wrong credentials: how many of one address are told apart, and who is let in all the same."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus

from tests.credentials import CredentialFile, bearer
from tests.peers import FakeClient, FakeNode, Peer
from tests.stack import Stack
from tests.web.metrics.scrape import samples, total
from tests.web.test_admission import FIRST, PATHS
from tests.web.test_buckets import Clock
from web.guesses import Guesses

ADMIN = "an operator's word"


def test_so_many_are_told_apart_and_more_as_time_goes_by() -> None:
    clock = Clock()
    guesses = Guesses(30, clock)
    assert [guesses.note("a", f"wrong {number}") for number in range(30)] == [0.0] * 30
    assert guesses.note("a", "wrong 31") == guesses.wait_s("a") == pytest.approx(2)
    assert guesses.note("b", "wrong 31") == 0.0
    clock.now_s += 2
    assert guesses.wait_s("a") == 0.0
    assert guesses.note("a", "wrong 32") == 0.0
    assert guesses.note("a", "wrong 33") > 0


def test_the_same_one_counts_once() -> None:
    """A farm of nodes with an old token, or a page left open, would keep an operator beside it out."""
    guesses = Guesses(2, Clock())
    assert [guesses.note("a", "old") for _ in range(100)] == [0.0] * 100
    assert guesses.wait_s("a") == 0.0
    guesses.note("a", "other")
    assert guesses.note("a", "old") > 0, "it is told what all are told"


def test_what_was_not_looked_at_is_not_known_to_be_wrong() -> None:
    clock = Clock()
    guesses = Guesses(1, clock)
    guesses.note("a", "wrong")
    assert guesses.note("a", "perhaps") > 0
    clock.now_s += 60
    assert guesses.note("a", "perhaps") == 0.0
    assert guesses.wait_s("a") > 0, "it counts when it is looked at"


def test_no_limit_is_none() -> None:
    guesses = Guesses(0, Clock())
    assert not any(guesses.note("a", str(number)) or guesses.wait_s("a") for number in range(1000))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(), st.integers(0, 30)), max_size=80))
def test_no_address_is_told_more_than_its_share(shown: list[tuple[str, str, int]]) -> None:
    clock = Clock()
    guesses, told, began_s = Guesses(6, clock), dict.fromkeys("abc", 0), clock.now_s
    seen: set[str] = set()
    for address, wrong, pause_s in shown:
        clock.now_s += pause_s
        if not guesses.note(address, wrong) and wrong not in seen:
            told[address] += 1
            seen.add(wrong)
    assert max(told.values()) <= 6 + (clock.now_s - began_s) / 10


def ask(stack: Stack, token: str, **headers: str) -> tuple[int, str, int]:
    """Ask as an operator; give the status, the code of an error, and when to come back (s)."""
    url = f"http://127.0.0.1:{stack.webs[0].port}/api/v1/stats"
    request = urllib.request.Request(url, headers={**bearer(token), **headers})
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, "", 0
    except urllib.error.HTTPError as error:
        with error:
            said = json.loads(error.read())["error"]
            assert said["message"].endswith(".")
            return error.code, said["code"], int(error.headers.get("Retry-After") or 0)


def test_guesses_at_the_operators_word_are_held_back() -> None:
    """Also where there are no other credentials; who comes from elsewhere is looked at as before."""
    with Stack(admin_token=ADMIN, peer_guesses=3, trusted_proxies="127.0.0.1") as stack:
        near, far = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.2"}
        assert ask(stack, ADMIN, **near)[0] == 200
        for number in range(3):
            assert ask(stack, f"guess {number}", **near)[:2] == (401, "UNAUTHORIZED")
        status, code, after_s = ask(stack, "one more", **near)
        assert (status, code) == (429, "NODE_OVERLOADED")
        assert 1 <= after_s <= 30
        assert ask(stack, ADMIN, **near)[0] == 429, "an answer would be worth a guess"
        assert ask(stack, ADMIN, **far)[0] == 200
        found = samples(stack.webs[0], **bearer(ADMIN))
        assert total(found, "limited_total", limit="guesses") == 2
        assert total(found, "credentials_refused_total", reason="too_many") == 2
        assert total(found, "credentials_refused_total", reason="unknown") == 3
        log = stack.webs[0].log
        assert "192.0.2.1" in log
        assert "one more" not in log


def test_what_nobody_can_guess_is_let_in_beside_who_guesses(tmp_path: Path) -> None:
    file = CredentialFile(tmp_path, "EdDSA")
    static, secret = file.static("client"), file.path_secret("node", "old-agents")
    with Stack(credentials_file=str(file.path), admin_token=ADMIN, peer_guesses=2) as stack:
        web = stack.webs[0]
        for path in ("/ws/node/guessed", "/ws/node/guessed", "/ws/session/guessed-too"):
            with pytest.raises(InvalidStatus) as caught:
                Peer(web.url(path))
            assert caught.value.response.status_code == 401
        with pytest.raises(InvalidStatus) as caught:
            Peer(web.url("/ws/node/and-more"))
        assert caught.value.response.status_code == 429
        assert int(caught.value.response.headers["Retry-After"]) >= 1
        with Peer(web.url(PATHS["client"])) as peer:
            peer.send_raw(json.dumps(FIRST["client"] | {"credential": "and more"}))
            error = peer.wait("error")
            assert (error["code"], error["details"]["limit"]) == ("NODE_OVERLOADED", "guesses")
            assert error["details"]["retry_after_ms"] > 0
            code, why = peer.wait_closed()
            assert code == 1013
            assert "come back in" in why
        with (
            FakeNode(web.url(f"/ws/node/{secret}"), ("a", "b")) as node,
            FakeClient(web.url("/ws/session"), "a", "b", headers=bearer(static)) as client,
        ):
            stack.wait_dispatchable(node.node_id)
            client.say()
            client.result()
        assert ask(stack, file.jwt("EdDSA", "admin"))[0] == 200
        assert ask(stack, ADMIN)[0] == 429
        stack.assert_clean_logs()


def test_a_token_that_is_known_is_no_guess(tmp_path: Path) -> None:
    """Of another role, revoked or past its end: its owner learns nothing he does not know."""
    file = CredentialFile(tmp_path, "EdDSA")
    with Stack(credentials_file=str(file.path), admin_token=ADMIN, peer_guesses=1) as stack:
        for number in range(3):
            assert ask(stack, file.jwt("EdDSA", "client", str(number)))[:2] == (403, "FORBIDDEN")
            assert ask(stack, file.jwt("EdDSA", "admin", str(number), expires_s=1))[:2] == (
                401,
                "UNAUTHORIZED",
            )
        assert ask(stack, "")[0] == 401
        assert ask(stack, ADMIN)[0] == 200
