"""The client as a library."""

import time

import pytest
from websockets.asyncio.server import ServerConnection

from agent.client import Languages, SpeechClient
from agent.wav import Recording
from scheduling.messages import (
    AudioChunk,
    Backpressure,
    BackpressureAction,
    Message,
    SessionCloseAck,
    SessionInit,
    TranslationResult,
)
from tests.agent.running import in_loop
from tests.agent.session_server import ACK_CLOSE, SessionServer, result, send


@in_loop
async def test_streams_faster_than_real_time_and_reads_until_the_server_closes() -> None:
    progress: list[float] = []
    recording = Recording(b"\x01\x02" * 16_000 * 20, 16_000)
    async with (
        SessionServer(result(0, "hello")).listen() as server,
        SpeechClient.connect(server.url) as client,
    ):
        session = await client.open(Languages("auto", "pt", ("en", "es")), sample_rate=16_000)
        assert (session.session_id, client.session) == ("s-1", session)
        await client.stream(recording, real_time=False, on_chunk=progress.append)
        await client.end()
        messages = client.messages()
        assert isinstance(await anext(messages), TranslationResult)
        assert await anext(messages) == SessionCloseAck(session_id="s-1")
    assert server.audio == recording.pcm
    assert progress[-1] == 20.0 and len(progress) == len(server.chunks) == 79
    init = server.said[0]
    assert isinstance(init, SessionInit) and init.auto_langs == ["en", "es"]


@in_loop
async def test_passes_over_frames_it_does_not_know() -> None:
    class Modern(SessionServer):
        async def _answer(self, socket: ServerConnection, message: Message) -> None:
            for frame in (b"\x00", "not json", '{"type": "hologram"}'):
                await socket.send(frame)
            await super()._answer(socket, message)

    async with Modern().listen() as server, SpeechClient.connect(server.url) as client:
        await client.open(Languages("en", "pt"))
        await client.end()
        assert await anext(client.messages()) == ACK_CLOSE


@pytest.mark.parametrize("action", [BackpressureAction.PAUSE, BackpressureAction.SLOW_DOWN])
def test_heeds_backpressure(action: BackpressureAction) -> None:
    @in_loop
    async def scene() -> None:
        class Busy(SessionServer):
            async def _answer(self, socket: ServerConnection, message: Message) -> None:
                await super()._answer(socket, message)
                if isinstance(message, AudioChunk):
                    await send(socket, Backpressure(action=action, resume_after_ms=300))

        async with Busy().listen() as server, SpeechClient.connect(server.url) as client:
            await client.open(Languages("en", "pt"), sample_rate=16_000)
            await client.send_chunk(b"ab")
            assert isinstance(await anext(client.messages()), Backpressure)
            asked = time.monotonic()
            await client.send_chunk(b"cd")
            assert time.monotonic() - asked > 0.25

    scene()


@in_loop
async def test_nothing_can_be_said_before_the_session_is_open() -> None:
    async with SessionServer().listen() as server, SpeechClient.connect(server.url) as client:
        with pytest.raises(RuntimeError, match="open a session first"):
            await client.send_chunk(b"ab")
