"""The server's side of a session, played by a small script of a test."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from agent.wav import Recording, write_wav
from scheduling.messages import (
    AudioChunk,
    ClientAsrPartial,
    Message,
    MissingResult,
    SessionClose,
    SessionCloseAck,
    SessionInit,
    SessionInitAck,
    TranslationResult,
    UiEvent,
    UiEventName,
    UiStatus,
    Utterance,
    dump,
    parse_client_message,
)

SESSION: dict[str, Any] = {"session_id": "s-1", "trace_id": "t-1"}
SECOND_OF_SPEECH = write_wav(Recording(b"\x01\x00" * 8_000, 8_000))


def result(index: int, text: str, speech: bytes = SECOND_OF_SPEECH, **members: Any) -> TranslationResult:
    stated: dict[str, Any] = {"tts_format": "wav", "text_translated": text.upper()} | members
    audio = base64.b64encode(speech).decode()
    return TranslationResult(
        **SESSION, utterance_index=index, job_id=f"j{index}", text_asr=text, tts_audio=audio, **stated
    )


def event(index: int, name: UiEventName) -> UiEvent:
    status = UiStatus.ERROR if name is UiEventName.ERROR else UiStatus.OK
    return UiEvent(**SESSION, job_id=f"j{index}", utterance_index=index, event=name, status=status)


def partial(index: int, text: str) -> ClientAsrPartial:
    return ClientAsrPartial(**SESSION, utterance_index=index, text=text, is_final=False)


def missing(index: int, reason: str) -> MissingResult:
    return MissingResult(**SESSION, utterance_index=index, reason=reason, created_at_ms=1)


async def send(socket: ServerConnection, *messages: Message) -> None:
    for message in messages:
        await socket.send(dump(message))


ACK_CLOSE = SessionCloseAck(session_id="s-1")


class SessionServer:
    """Answers ``session_init``, keeps what is spoken, and says what the test has put into ``answers``.

    ``answers`` go out when the audio is complete, ``at_close`` after ``session_close``.
    """

    def __init__(self, *answers: Message, at_close: tuple[Message, ...] = (ACK_CLOSE,), **ack: Any) -> None:
        self.answers = answers
        self.at_close = at_close
        self.ack = ack
        self.said: list[Message] = []
        self.url = ""

    @asynccontextmanager
    async def listen(self) -> AsyncIterator["SessionServer"]:
        async with serve(self._converse, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.url = f"ws://127.0.0.1:{port}/ws/session"
            yield self

    @property
    def chunks(self) -> list[AudioChunk]:
        return [each for each in self.said if isinstance(each, AudioChunk)]

    @property
    def audio(self) -> bytes:
        return b"".join(base64.b64decode(each.payload or "") for each in self.chunks)

    async def _converse(self, socket: ServerConnection) -> None:
        try:
            async for data in socket:
                message = parse_client_message(data)
                self.said.append(message)
                await self._answer(socket, message)
        except ConnectionClosed:
            return

    async def _answer(self, socket: ServerConnection, message: Message) -> None:
        if isinstance(message, SessionInit):
            ready: dict[str, Any] = {
                "negotiated_audio_format": message.audio_format or "opus",
                "negotiated_sample_rate": message.sample_rate or 16_000,
            }
            await send(socket, SessionInitAck(**SESSION, **(ready | self.ack)))
        elif isinstance(message, Utterance) or (isinstance(message, AudioChunk) and message.is_final):
            await send(socket, *self.answers)
        elif isinstance(message, SessionClose):
            await send(socket, *self.at_close)
