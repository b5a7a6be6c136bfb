"""Limits of tenants, addresses and sockets, over real sockets and two web processes."""

import http.client
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.credentials import CredentialFile, bearer
from tests.peers import Peer
from tests.stack import Stack, wait_until
from tests.web.metrics.scrape import samples, total

Pair = tuple[str, str]
PAIR = ("en", "pt")


def refused(stack: Stack, limit: str) -> int:
    """How often a limit refused, over all web processes."""
    return sum(web.get("/api/v1/metrics")[1]["process"]["limits"].get(limit, 0) for web in stack.webs)


def refused_session(stack: Stack, web: int, tenant: str) -> tuple[Peer, dict[str, Any]]:
    """Ask for a session that is not given; gives the socket, and what it was told."""
    peer = Peer(stack.webs[web].url("/ws/session"))
    peer.send(
        "session_init", client_version="1", platform="x", src_lang="en", tgt_lang="pt", tenant_id=tenant
    )
    return peer, peer.wait("error")


def test_sessions_of_a_tenant_over_two_processes() -> None:
    with Stack(webs=2, tenant_sessions="acme=2") as stack:
        first, _second = stack.client(tenant_id="acme"), stack.client(web=1, tenant_id="acme")
        peer, error = refused_session(stack, 1, "acme")
        assert (error["code"], error["details"]["limit"]) == ("NODE_OVERLOADED", "sessions")
        assert error["details"]["retry_after_ms"] >= 5000
        code, reason = peer.wait_closed()
        assert (code, "come back in" in reason) == (1013, True)
        assert refused(stack, "sessions") == 1
        stack.client(tenant_id="other").close()
        first.close()

        def is_free() -> bool:
            with stack.redis as client:
                return int(client.zcard("sd:{0}:tenantsessions:acme")) == 1

        wait_until(is_free, "the first session to end")
        stack.client(web=1, tenant_id="acme")
        stack.assert_clean_logs()


def test_a_client_that_comes_back_is_not_refused() -> None:
    """Its session was let in; while it was away another one may have taken its place."""
    with Stack(webs=2, tenant_sessions="acme=1", tenant_connections_per_s="acme=0.001") as stack:
        client = stack.client(tenant_id="acme", resumable=True)
        ack = client.wait("session_init_ack")
        client.close()
        resume = {"session_id": client.session_id, "token": ack["resume_token"], "epoch": ack["epoch"]}
        again = stack.client(web=1, tenant_id="acme", resumable=True, resume=resume | {"offset": 0})
        assert again.wait("session_init_ack")["resumed"]
        stack.assert_clean_logs()


def test_sessions_of_a_tenant_in_a_second() -> None:
    with Stack(tenant_connections_per_s="acme=0.1") as stack:
        stack.client(tenant_id="acme")
        _, error = refused_session(stack, 0, "acme")
        assert error["details"]["limit"] == "tenant_connections"
        assert 1000 < error["details"]["retry_after_ms"] <= 15_000
        stack.client(tenant_id="other")
        assert refused(stack, "tenant_connections") == 1


def test_jobs_and_audio_of_a_tenant_over_two_processes() -> None:
    with Stack(webs=2, tenant_jobs="acme=2", tenant_audio_min="talker=1") as stack:
        with (
            stack.node(PAIR, slots=8, answer=None) as node,
            stack.client(*PAIR, tenant_id="acme") as one,
            stack.client(*PAIR, web=1, tenant_id="acme") as two,
            stack.client(*PAIR, web=1, tenant_id="talker") as talker,
        ):
            one.say()
            two.say()
            node.job(2)
            two.say()
            error = two.wait("error")
            assert error["code"] == "NODE_OVERLOADED"
            assert error["details"]["limit"] == "jobs"
            assert error["details"]["utterance_index"] == 1
            node.answer(node.job(1))
            one.result()
            two.say()
            node.answer(node.job(2))
            node.answer(node.job(3))
            two.result(2)
            talker.utterance(0, bytes(32_000 * 40))
            node.answer(node.job(4))
            talker.result()
            talker.utterance(1, bytes(32_000 * 21))
            error = talker.wait("error")
            assert error["details"]["limit"] == "audio"
            assert 23 * 3_600_000 <= error["details"]["retry_after_ms"] <= 36 * 3_600_000
            assert error["message"].endswith(" h.")
        assert (refused(stack, "jobs"), refused(stack, "audio")) == (1, 1)
        stack.assert_clean_logs()


def test_a_recording_of_a_tenant_over_its_limit_is_told_when_to_come_back() -> None:
    with Stack(tenant_audio_min="acme=1") as stack, stack.node(PAIR):
        path = "/api/v1/utterances?src=en&tgt=pt&tenant=acme"
        status, headers, body = post(stack, path, bytes(32_000 * 61))
        assert (status, body["error"]["code"]) == (429, "NODE_OVERLOADED")
        assert int(headers["Retry-After"]) > 0
        status, _, body = post(stack, path, bytes(32_000))
        assert (status, body["state"]) == (200, "done")


def test_who_says_far_too_much_at_once_waits_for_all_of_it() -> None:
    """However large a message was, the next one was read a second later: a low rate of bytes held nobody."""
    with Stack(bytes_per_s=12 * 1024, message_bytes=2**16) as stack, stack.client() as client:
        for length in (60_000, 60_000, 60_000, 1):
            client.send("client_heartbeat", session_id=client.session_id, timestamp=1, more="x" * length)
        client.wait("server_heartbeat", 4)
        assert refused(stack, "messages") >= 4  # once for each second; 49 KB are beyond the burst


def test_connections_of_an_address() -> None:
    with Stack(peer_connections=2) as stack:
        one, two = stack.client(), stack.client()
        with pytest.raises(InvalidStatus) as caught:
            connect(stack.webs[0].url("/ws/session"))
        assert caught.value.response.status_code == 429
        assert int(caught.value.response.headers["Retry-After"]) >= 5
        browser = connect(stack.webs[0].url("/ws/session"), origin=Origin("http://x"))
        with browser, pytest.raises(Exception, match="come back in"):
            browser.recv()
        assert refused(stack, "peer_connections") == 2
        one.close()
        wait_until(lambda: stack.webs[0].stats()["sockets"] == 1, "it to be gone")
        stack.client()
        two.close()


def test_connections_of_an_address_in_a_second() -> None:
    """Recordings count as well."""
    with Stack(peer_connections_per_s=0.1) as stack:
        stack.client()
        with pytest.raises(InvalidStatus) as caught:
            connect(stack.webs[0].url("/ws/session"))
        assert caught.value.response.status_code == 429
        status, headers, body = post(stack, "/api/v1/utterances?src=en&tgt=pt", bytes(3200))
        assert (status, body["error"]["code"]) == (429, "NODE_OVERLOADED")
        assert int(headers["Retry-After"]) >= 1
        assert refused(stack, "peer_connections_per_s") == 2


def test_behind_a_proxy_an_address_is_what_it_saw() -> None:
    proxied = {"trusted_proxies": "127.0.0.1", "trusted_networks": "1.2.3.0/24"}
    with Stack(peer_connections=1, **proxied) as stack:
        url = stack.webs[0].url("/ws/session")
        with (
            connect(url, additional_headers={"X-Forwarded-For": "9.9.9.9, 1.2.3.4"}),
            connect(url, additional_headers={"X-Forwarded-For": "9.9.9.9, 1.2.3.5"}),
            pytest.raises(InvalidStatus),
        ):
            connect(url, additional_headers={"X-Forwarded-For": "8.8.8.8, 1.2.3.4"})


def test_who_says_too_much_is_asked_to_pause_and_loses_nothing(pair: Pair) -> None:
    with Stack(messages_per_s=20) as stack, stack.node(pair), stack.client(*pair) as client:
        for nth in range(60):
            client.send("client_heartbeat", session_id=client.session_id, timestamp=nth)
        client.say()
        client.wait("server_heartbeat", 60)
        assert client.texts(1) == [f"{pair[0]} 0"]
        assert client.wait("backpressure")["action"] == "PAUSE"
        assert refused(stack, "messages") > 0
        assert not client.all("error")


def test_a_credential_bounds_what_its_nodes_offer_and_say(pair: Pair, tmp_path: Path) -> None:
    """Another one's node, beside it, is held to the settings alone."""
    file = CredentialFile(tmp_path, "HS256")
    bounded = file.jwt("HS256", "node", "small", limits={"slots": 2, "messages_per_s": 20})
    free = file.jwt("HS256", "node", "large")
    with Stack(credentials_file=str(file.path), admin_token="secret") as stack:

        def held_back() -> float:
            found = samples(stack.webs[0], Authorization="Bearer secret")
            return total(found, "limited_total", limit="messages")

        with stack.node(pair, slots=8, headers=bearer(free)) as large:
            for _ in range(60):
                large.heartbeat()
            assert stack.record_of(large.node_id)["max"] == "8"
        assert held_back() == 0
        with stack.node(pair, slots=8, headers=bearer(bounded)) as small:
            assert stack.record_of(small.node_id)["max"] == "2"
            for _ in range(60):
                small.heartbeat()
            wait_until(lambda: held_back() > 0, "it to be read more slowly")


def test_wrong_room_codes_of_a_socket_are_counted() -> None:
    """Each was answered after half a second, on as many sockets at once as one liked."""
    with Stack(code_tries=2, peer_code_tries=5) as stack:
        host, guest = stack.client(), stack.client()
        host.send("room_create", client_ts=1)
        code = host.wait("room_create_ack")["room_code"]
        wrong = "100000" if code != "100000" else "100001"
        for nth in (1, 2, 3):
            guest.send("room_join", room_code=wrong)
            told = guest.wait("room_error", nth)
            assert told["code"] == "ROOM_NOT_FOUND"
        assert 0 < told["retry_after_ms"] <= 30_000
        guest.send("room_join", room_code=code)
        assert guest.wait("room_error", 4)["retry_after_ms"] > 0
        others = [stack.client() for _ in range(4)]
        for other in others[:3]:
            other.send("room_join", room_code=wrong)
            other.wait("room_error")
        others[3].send("room_join", room_code=code)
        assert others[3].wait("room_error")["retry_after_ms"] > 0, "the address has none left"
        assert refused(stack, "codes") == 3


def test_right_room_codes_are_not_counted() -> None:
    with Stack(code_tries=1, peer_code_tries=1) as stack, stack.client() as host:
        host.send("room_create", client_ts=1)
        code = host.wait("room_create_ack")["room_code"]
        for _ in range(3):
            with stack.client() as guest:
                guest.send("room_join", room_code=code)
                guest.wait("room_members")


def test_wrong_pairing_codes_are_counted_and_the_session_opens_without() -> None:
    with Stack(code_tries=2, peer_code_tries=2) as stack:
        clients = [stack.client(pairing_code=f"AAAABBB{nth}") for nth in (2, 3, 4)]
        assert [len(client.all("error")) for client in clients] == [0, 0, 1]
        error = clients[2].wait("error")
        assert (error["code"], error["details"]["limit"]) == ("INVALID_PAIRING_CODE", "codes")
        assert error["details"]["retry_after_ms"] > 0


def post(stack: Stack, path: str, audio: bytes) -> tuple[int, dict[str, str], Any]:
    """Send a recording of pcm16."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.webs[0].port, timeout=30)
    try:
        connection.request("POST", path, audio, {"Content-Type": "application/octet-stream"})
        reply = connection.getresponse()
        return reply.status, dict(reply.getheaders()), json.loads(reply.read())
    finally:
        connection.close()
