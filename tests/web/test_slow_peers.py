"""Peers that are slow, silent or deaf, against the whole of a web process: they cost only themselves."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.peers import Frame, translation
from tests.stack import Stack, Web, wait_until
from tests.web.raw_peer import BINARY, HANDSHAKE, RawPeer, frame
from web.close_codes import CloseCode

PAIR = ("en", "pt")
MIB = 2**20


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Give a process that waits a second for the head of a request, and for a recording."""
    with Stack(request_head_s=1, upload_s=1, opening_s=3) as stack, stack.node(PAIR, slots=64):
        yield stack
        stack.assert_clean_logs()


def files(web: Web) -> int:
    """Sockets and files of a web process and its workers."""
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in family(web.process.pid))


def memory(web: Web) -> int:
    """Resident bytes of a web process and its workers."""
    pages = (Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in family(web.process.pid))
    return 4096 * sum(map(int, pages))


def family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


def speaks(stack: Stack, times: int = 3) -> None:
    """Somebody else comes and is heard."""
    with stack.client(*PAIR) as client:
        for _ in range(times):
            client.say()
        client.result(times)
        assert [result["type"] for result in client.results] == ["translation_result"] * times


def dial(stack: Stack) -> RawPeer:
    return RawPeer(socket.create_connection(("127.0.0.1", stack.webs[0].port), timeout=30))


def test_handshakes_that_never_end_are_ended(stack: Stack) -> None:
    """Each holds a socket and a greenlet, until none is left for anybody else."""
    speaks(stack)
    before = files(stack.webs[0])
    head = "GET /ws/session HTTP/1.1\r\n" + "".join(f"{name}: {it}\r\n" for name, it in HANDSHAKE.items())
    with ExitStack() as peers:
        slow = [peers.enter_context(dial(stack)) for _ in range(100)]
        for number, peer in enumerate(slow):
            peer.sock.sendall(head.encode()[: number + 1])
        speaks(stack)
        assert all(peer.is_hung_up() for peer in slow)
    wait_until(lambda: files(stack.webs[0]) < before + 10, "their files to be closed")


@pytest.mark.parametrize("path", ["/ws/session", "/ws/node"])
def test_a_peer_that_never_says_who_it_is_is_sent_away(stack: Stack, path: str) -> None:
    """Each message began its time anew: with one a minute a stranger kept a socket for ever."""
    with connect(stack.webs[0].url(path)) as socket, pytest.raises(ConnectionClosed) as closed:
        for _ in range(100_000):
            socket.send("{}")
            socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.REGISTRATION_REQUIRED


def test_a_recording_that_trickles_in_is_given_up(stack: Stack) -> None:
    """A body had any time: a hundred of them, a byte a minute, were a hundred greenlets for ever."""
    with dial(stack) as peer:
        peer.sock.sendall(
            b"POST /api/v1/utterances?src=en&tgt=pt HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\n"
            b"Content-Length: 100000\r\n\r\nRIFF"
        )
        assert peer.read_head().startswith("HTTP/1.1 408 ")
        assert peer.is_hung_up()


def test_frames_that_never_end_take_no_memory(stack: Stack) -> None:
    """What a header announces, 16 MiB each, is not set aside before it comes."""
    with ExitStack() as peers:
        before = memory(stack.webs[0])
        for _ in range(50):
            peer = peers.enter_context(dial(stack))
            assert peer.shake_hands("/ws/session").startswith("HTTP/1.1 101")
            peer.sock.sendall(frame(BINARY, bytes(MIB))[:20])
            peer.sock.sendall(b"x")
        speaks(stack)
        assert memory(stack.webs[0]) - before < 16 * MIB


def large(job: Frame) -> Frame:
    """Give a translation with a megabyte of speech."""
    return translation(job) | {"tts_audio": "QUJD" * (MIB // 4)}


def test_a_client_that_hears_nothing_costs_no_other_and_no_memory() -> None:
    """Results for it are produced as fast as it speaks; what it does not read is not kept."""
    with (
        Stack() as stack,
        stack.node(PAIR, slots=64, answer=large),
        connect(stack.webs[0].url("/ws/session"), max_queue=1, compression=None, close_timeout=1) as deaf,
    ):
        deaf.send(json.dumps(_opening()))
        session_id = json.loads(deaf.recv(timeout=30))["session_id"]
        before = memory(stack.webs[0])
        for index in range(24):
            deaf.send(json.dumps(_utterance(session_id, index)))
        speaks(stack)
        wait_until(lambda: not stack.webs[0].stats()["sessions"], "the deaf one to be let go")
        assert memory(stack.webs[0]) - before < 64 * MIB
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                deaf.recv(timeout=30)
        assert closed.value.rcvd is None or closed.value.rcvd.code == CloseCode.SLOW_PEER
        speaks(stack)
        stack.assert_clean_logs()


def test_a_node_that_takes_jobs_and_never_answers_is_found_out() -> None:
    """It is ready by its heartbeats, and emptiest once its jobs have timed out: the next ones went there."""
    failures, slots = 3, 2
    with (
        Stack(attempt_ms=400, breaker_failures=failures, breaker_ms=600_000, resource_threshold=100) as stack,
        stack.node(PAIR, answer=None, slots=slots) as mute,
        stack.node(PAIR, slots=slots),
        stack.client(*PAIR) as client,
    ):
        said = 0
        while stack.record_of(mute.node_id)["why"] != "breaker_open":
            client.say()
            said += 1
            client.result(said)
            assert said < 100
        given = len(mute.jobs)
        assert failures <= given <= failures + slots
        for _ in range(5):
            client.say()
        client.result(said + 5)
        assert len(mute.jobs) == given
        assert {result["type"] for result in client.results} == {"translation_result"}


def _opening() -> dict[str, Any]:
    return {
        "type": "session_init",
        "client_version": "1",
        "platform": "test-client",
        "src_lang": "en",
        "tgt_lang": "pt",
    }


def _utterance(session_id: str, index: int) -> dict[str, Any]:
    return {
        "type": "utterance", "session_id": session_id, "utterance_index": index, "manual_cut": True,
        "src_lang": "en", "tgt_lang": "pt", "audio": "QUJD" * 800, "audio_format": "pcm16",
        "sample_rate": 16_000,
    }  # fmt: skip
