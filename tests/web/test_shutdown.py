"""Going away: what is running is finished, and everybody is told when to come back."""

import os
import re
import signal
import socket
import time

import pytest
from websockets.exceptions import InvalidStatus

from tests.peers import FakeNode, Peer
from tests.scheduling.sound import noise
from tests.stack import Stack, Web, wait_until

GONE_S = 25.0
_HANDSHAKE = (
    b"GET /ws/session HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def _gone(stack: Stack, since_s: float) -> None:
    assert stack.webs[0].wait() == 0
    assert time.monotonic() - since_s < GONE_S


def _back_in_s(closed: tuple[int, str]) -> float:
    code, reason = closed
    assert code == 1012, reason
    told = re.search(r"come back in ([0-9.]+) s", reason)
    assert told, reason
    return float(told[1])


def _held_back(node: FakeNode) -> bool:
    """Ask with a heartbeat: sessions are drained first, so the first one may come too soon."""
    node.heartbeat(running_jobs=1)
    return bool(node.all("node_status", status="draining"))


def _terminate(web: Web, *, all_at_once: bool) -> None:
    worker = int(web.stats()["instance"].split("-")[-2])
    web.terminate()
    if all_at_once:
        os.kill(worker, signal.SIGTERM)


@pytest.mark.parametrize("all_at_once", [False, True], ids=["the process", "all processes at once"])
def test_sigterm_finishes_what_runs_and_sends_everybody_elsewhere(all_at_once: bool) -> None:
    """Platforms send SIGTERM to every process at once, so the worker hears it from gunicorn as well."""
    with Stack(webs=2) as stack:
        leaving = stack.webs[0]
        node = stack.node(("en", "pt"), answer=None)
        client, idle, bystander = stack.client(), stack.client(), stack.client(web=1)
        client.say()
        job = node.job()
        started_s = time.monotonic()
        _terminate(leaving, all_at_once=all_at_once)
        wait_until(lambda: leaving.get("/ready")[0] == 503, "not to be ready")
        assert leaving.get("/health")[0] == 200
        with pytest.raises(InvalidStatus, match="503"):
            Peer(leaving.url("/ws/node"))
        client.wait("backpressure", action="PAUSE")
        client.say()  # not heard any more
        wait_until(lambda: _held_back(node), "the node to be held back")
        bystander.say()
        node.answer(job)
        assert client.texts(1) == ["en 0"]
        told_s = sorted(_back_in_s(peer.wait_closed()) for peer in (node, client, idle))
        assert len(set(told_s)) == 3, "they come back one after the other"
        assert 1 <= told_s[0] <= told_s[-1] <= 1 + 5
        _gone(stack, started_s)
        assert len(node.jobs) == 1, "it got no new work"
        with stack.node(("en", "pt"), web=1, node_id=node.node_id) as back:
            assert bystander.texts(1) == ["en 0"], "its utterance waited for the node"
            assert len(back.jobs) == 1
        stack.assert_clean_logs()


def test_buffered_audio_is_cut_and_finished() -> None:
    """What was said before SIGTERM becomes a job and is answered; what is said after it is not taken."""
    with Stack() as stack:
        node, client = stack.node(("en", "pt")), stack.client()
        client.chunk(noise(3200))
        client.send("client_heartbeat", session_id=client.session_id, timestamp=1)
        client.wait("server_heartbeat")
        stack.webs[0].terminate()
        assert client.texts(1) == ["en 0"]
        client.wait_closed()
        assert len(node.jobs) == 1
        stack.assert_clean_logs()


def test_a_client_may_still_say_goodbye() -> None:
    with Stack() as stack:
        node, client = stack.node(("en", "pt"), answer=None), stack.client()
        client.say()
        job = node.job()
        stack.webs[0].terminate()
        client.wait("backpressure")
        client.send("session_close", session_id=client.session_id, reason="done")
        client.send("client_heartbeat", session_id=client.session_id, timestamp=1)
        assert client.wait("error")["code"] == "SESSION_CLOSED", "heard"
        node.answer(job)
        assert client.wait_closed()[0] == 1000
        assert [frame["type"] for frame in client.frames][-2:] == ["translation_result", "session_close_ack"]
        stack.assert_clean_logs()


def test_a_node_that_never_answers_does_not_hold_up_the_end() -> None:
    with Stack(shutdown_s=1) as stack:
        node, client = stack.node(("en", "pt"), answer=None), stack.client()
        client.say()
        node.job()
        started_s = time.monotonic()
        stack.webs[0].terminate()
        assert client.wait_closed()[0] == 1012
        _gone(stack, started_s)
        stack.assert_clean_logs()


def test_a_peer_that_never_reads_does_not_hold_up_the_end() -> None:
    with Stack(shutdown_s=1) as stack, socket.create_connection(("127.0.0.1", stack.webs[0].port)) as deaf:
        deaf.sendall(_HANDSHAKE)
        wait_until(lambda: stack.webs[0].stats()["sockets"] == 1, "the handshake")
        started_s = time.monotonic()
        stack.webs[0].terminate()
        _gone(stack, started_s)
        stack.assert_clean_logs()


def test_12_what_was_meant_for_a_killed_process_is_done_by_others() -> None:
    """Its inbox is read by nobody: the job it should have sent goes elsewhere by its deadline."""
    with Stack(webs=2, dispatch_ms=300, attempt_ms=1000, relax_ms=200) as stack:
        lost, client = stack.node(("en", "pt"), answer=None), stack.client(web=1)
        client.say()
        lost.job()
        stack.webs[0].kill()
        client.say()
        with stack.node(("en", "pt"), web=1, node_id=lost.node_id):
            assert client.texts(2) == ["en 0", "en 1"]
        stack.assert_clean_logs()
