"""The client that comes back, against real servers; what it does to the socket is a crash of the network."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError

from agent.client import PIECE_CHARS, Languages
from agent.reconnecting import ReconnectingClient
from bench.chaos.proxy import Proxy
from scheduling.keys import Keys
from scheduling.messages import (
    AudioAck,
    Message,
    MissingResult,
    ServerMessageToClient,
    SessionCloseAck,
    SessionInit,
    SessionInitAck,
    TranslationResult,
    dump,
)
from tests.agent.running import in_loop
from tests.agent.session_server import ACK_CLOSE, SessionServer
from tests.peers import Frame, translation
from tests.stack import Stack, wait_until

PAIR = ("en", "pt")
PIECE = b"abcd" * 400


def _echo(job: Frame) -> Frame:
    """Answer as the echo pipeline would."""
    return translation(job) | {"text_asr": base64.b64decode(job["audio"]).decode()}


@pytest.fixture(scope="module")
def two() -> Iterator[Stack]:
    with Stack(webs=2, pause_ms=60_000) as stack, stack.node(PAIR, answer=_echo, slots=8):
        yield stack
        stack.assert_clean_logs()


def _urls(stack: Stack) -> list[str]:
    return [web.url("/ws/session") for web in stack.webs]


def _cut(client: ReconnectingClient) -> None:
    client._socket.transport.abort()


async def _next(messages: AsyncIterator[ServerMessageToClient], kind: type[Any], **members: Any) -> Any:
    async for message in messages:
        if isinstance(message, kind) and all(getattr(message, name) == it for name, it in members.items()):
            return message
    raise AssertionError(f"never came: {kind.__name__} {members}")


def _detached(stack: Stack, session_id: str) -> None:
    with stack.redis as ledger:
        name = Keys("0").session(session_id)
        wait_until(lambda: ledger.hget(name, "owner") == "", "the session to be detached")


@in_loop
async def test_a_large_utterance_goes_out_in_pieces_between_which_pings_pass(two: Stack) -> None:
    """A recording of minutes takes a slow line longer than a pong may take that waits behind it."""
    pieces: asyncio.Queue[list[str | bytes]] = asyncio.Queue()

    async def receive(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(dump(SessionInitAck(session_id="s-1", trace_id="t-1")))
        pieces.put_nowait([piece async for piece in socket.recv_streaming()])

    audio = PIECE * 200
    async with serve(receive, "127.0.0.1", 0, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with ReconnectingClient.connect(f"ws://127.0.0.1:{port}") as client:
            await client.open(Languages(*PAIR))
            await client.send_utterance(audio, audio_format="pcm16", sample_rate=16_000)
            received = await pieces.get()
    assert max(map(len, received)) <= PIECE_CHARS < len(received) * PIECE_CHARS
    async with ReconnectingClient.connect(_urls(two)) as client:
        await client.open(Languages(*PAIR))
        await client.send_utterance(audio, audio_format="pcm16", sample_rate=16_000)
        assert (await _next(client.messages(), TranslationResult)).text_asr == audio.decode()


@in_loop
async def test_a_dead_line_is_left(two: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that drops everything says nothing. A speaker waited for up to 40 s until pings found it."""
    monkeypatch.setattr("agent.reconnecting.PONG_S", 0.3)
    proxies = [Proxy(web.port) for web in two.webs]
    for proxy in proxies:
        await proxy.start()
    urls = [f"ws://127.0.0.1:{proxy.port}/ws/session" for proxy in proxies]
    async with ReconnectingClient.connect(urls) as client:
        await client.open(Languages(*PAIR), sample_rate=16_000)
        messages = client.messages()
        dead = asyncio.create_task(proxies[0].hold(1.0, 3600.0, stall=True))
        await asyncio.sleep(0)
        await client.send_chunk(PIECE, is_final=True)
        assert (await _next(messages, TranslationResult)).utterance_index == 0
        assert client.resumed
        dead.cancel()
    for proxy in proxies:
        await proxy.close()


@in_loop
async def test_what_was_said_into_a_lost_socket_is_heard_once_over_the_next(two: Stack) -> None:
    news: list[str] = []
    async with ReconnectingClient.connect(_urls(two), news.append) as client:
        first = await client.open(Languages(*PAIR), sample_rate=16_000)
        messages = client.messages()
        await client.send_chunk(PIECE, is_final=True)
        assert (await _next(messages, TranslationResult)).utterance_index == 0
        await client.send_chunk(PIECE)
        _cut(client)
        await client.send_chunk(PIECE, is_final=True)
        await client.send_chunk(PIECE * 2, is_final=True)
        await client.end()
        ack = await _next(messages, SessionInitAck)
        assert (ack.resumed, ack.session_id) == (True, first.session_id)
        texts = [(await _next(messages, TranslationResult)).text_asr for _ in range(2)]
        assert texts == [PIECE.decode() * 2] * 2
        await _next(messages, SessionCloseAck)
        assert client.resumed == 1
        assert ["lost" in news[0], "back in session" in news[1]] == [True, True]


@in_loop
async def test_a_result_sent_again_is_handed_out_once(two: Stack) -> None:
    """Both sockets are lost before anything is read: the server's first sending of it is in the air."""
    async with ReconnectingClient.connect(_urls(two)) as client:
        await client.open(Languages(*PAIR), sample_rate=16_000)
        messages = client.messages()
        for number in range(3):
            await client.send_chunk(PIECE, is_final=True)
            assert (await _next(messages, TranslationResult)).offset == number + 1
            _cut(client)
        await client.send_chunk(PIECE, is_final=True)
        assert (await _next(messages, TranslationResult)).offset == 4
        assert client.resumed == 3


@in_loop
async def test_whole_utterances_are_answered_once_though_sent_again(two: Stack) -> None:
    async with ReconnectingClient.connect(_urls(two)) as client:
        session = await client.open(Languages(*PAIR))
        messages = client.messages()
        for index in range(2):
            await client.send_utterance(PIECE, audio_format="pcm16", sample_rate=16_000, index=index)
        await _next(messages, TranslationResult, utterance_index=0)
        _cut(client)
        await asyncio.to_thread(_detached, two, session.session_id)
        await client.end()
        answers = [message async for message in messages if isinstance(message, TranslationResult)]
        assert [answer.utterance_index for answer in answers] == [1]


@in_loop
async def test_a_session_that_is_gone_is_begun_anew_and_said_so(two: Stack) -> None:
    async with ReconnectingClient.connect(_urls(two)) as client:
        first = await client.open(Languages(*PAIR), sample_rate=16_000)
        messages = client.messages()
        await client.send_chunk(PIECE)
        with two.redis as ledger:  # its server would bring back one that the ledger had only forgotten
            ledger.hset(Keys("0").session(first.session_id), "token", "another's")
        _cut(client)
        ack = await _next(messages, SessionInitAck)
        assert (ack.resumed, ack.history_lost) == (False, True)
        await client.send_chunk(PIECE, is_final=True)
        assert (await _next(messages, TranslationResult)).text_asr == PIECE.decode() * 2
        assert client.resumed == 0


@in_loop
async def test_goes_to_the_next_server_when_the_first_does_not_answer(two: Stack) -> None:
    urls = ["ws://127.0.0.1:9/ws/session", *_urls(two)]
    async with ReconnectingClient.connect(urls) as client:
        assert (await client.open(Languages(*PAIR))).resume_token
    with pytest.raises(OSError):
        async with ReconnectingClient.connect(urls[0]):
            pass


class Old(SessionServer):
    """A server that knows no resuming: it cuts the connection at once."""

    async def _answer(self, socket: ServerConnection, message: Message) -> None:
        await super()._answer(socket, message)
        socket.transport.abort()


@in_loop
async def test_a_server_that_does_not_offer_it_is_not_asked_again() -> None:
    async with Old().listen() as server, ReconnectingClient.connect(server.url) as client:
        await client.open(Languages(*PAIR), sample_rate=16_000)
        with pytest.raises(ConnectionClosedError):
            await anext(client.messages())
    assert len(server.said) == 1


class Losing(SessionServer):
    """Answers the second socket only; so far it has heard chunk 0, and one result is known to the client."""

    def __init__(self, *answers: Message, **ack: Any) -> None:
        super().__init__(*answers, **ack)
        self.openings: list[SessionInit] = []

    async def _answer(self, socket: ServerConnection, message: Message) -> None:
        if isinstance(message, SessionInit):
            self.openings.append(message)
            is_back = message.resume is not None
            self.ack |= {"resume_token": "secret", "epoch": "e", "resume_within_ms": 9000, "resumed": is_back}
        await super()._answer(socket, message)
        if len(self.openings) == 1 and not isinstance(message, SessionInit):
            await socket.send(dump(AudioAck(session_id="s-1", seq=1)))
            await socket.close(1011, "it broke")


@in_loop
async def test_says_where_it_stands_and_forgets_what_was_heard() -> None:
    missing = MissingResult(session_id="s-1", utterance_index=0, reason="x", created_at_ms=1, offset=1)
    old = missing.model_copy(update={"offset": 0})
    async with (
        Losing(old, missing, missing).listen() as server,
        ReconnectingClient.connect(server.url) as client,
    ):
        await client.open(Languages(*PAIR), sample_rate=16_000)
        messages = client.messages()
        await client.send_chunk(b"ab")
        await _next(messages, SessionInitAck)
        await client.send_chunk(b"cd", is_final=True)
        await client.end()
        assert [await anext(messages), await anext(messages)] == [missing, ACK_CLOSE]
    place = server.openings[1].resume
    assert place is not None and (place.session_id, place.token, place.offset) == ("s-1", "secret", 0)
    assert [chunk.seq for chunk in server.chunks] == [0, 1]


@pytest.mark.parametrize(("audio_seq", "lost"), [(1, False), (0, True)])
@in_loop
async def test_server_that_forgot_audio_it_had_acknowledged_has_lost_history(
    audio_seq: int, lost: bool
) -> None:
    """Redis came back without its last second while the client was away.

    Its results were complete, so the server saw no loss; but of what the client had said, and does not keep
    any more, nothing would ever be heard, and nobody said so.
    """
    async with (
        Losing(audio_seq=audio_seq).listen() as server,
        ReconnectingClient.connect(server.url) as client,
    ):
        await client.open(Languages(*PAIR), sample_rate=16_000)
        messages = client.messages()
        await client.send_chunk(b"ab")
        ack = await _next(messages, SessionInitAck)
        assert (ack.resumed, bool(ack.history_lost)) == (True, lost)
        await client.end()
        await _next(messages, SessionCloseAck)
