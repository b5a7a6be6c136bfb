"""A client of the dispatch server as a library: open a session, speak, read what comes back.

async with SpeechClient.connect("ws://127.0.0.1:5010/ws/session") as client:
    await client.open("en", "pt", sample_rate=16_000)
    speaking = asyncio.create_task(client.stream(recording))
    async for message in client.messages():
        ...
"""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK

from agent.link import bearer
from agent.wav import SAMPLE_BYTES, Recording
from scheduling import tracing
from scheduling.messages import (
    AudioChunk,
    Backpressure,
    BackpressureAction,
    ErrorMessage,
    InvalidMessage,
    Message,
    ServerMessageToClient,
    SessionClose,
    SessionInit,
    SessionInitAck,
    StreamFormat,
    Utterance,
    dump,
    parse_server_message_to_client,
)
from scheduling.messages.binary import pack_audio

#: Length of a streamed chunk, in ms: the frame of the existing web client's recorder.
CHUNK_MS = 256
#: Largest message taken: a long spoken answer as WAV in base64.
MAX_MESSAGE_BYTES = 32 << 20
#: Longest frame that is sent at once, in characters.
PIECE_CHARS = 1 << 16
OPEN_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
#: A server that says SLOW_DOWN or BUSY wants no more than one chunk in this time, in s.
SLOW_S = 0.5
#: How long PAUSE lasts when the server does not say, in s.
PAUSE_S = 5.0

log = logging.getLogger(__name__)


class SessionRefused(Exception):
    """The server answered with an error where a session should have begun."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Languages:
    """From and to which language; ``auto_langs`` are the candidates when ``src`` is ``auto``."""

    src: str
    tgt: str
    auto_langs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk of speech, numbered, with the clock (ms) at which it was spoken."""

    seq: int
    audio: bytes = field(repr=False)
    is_final: bool
    spoken_ms: int


class SpeechClient:
    """One socket with one session. Speak from one task and read `messages` in another."""

    _resumable: bool | None = None

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._session: SessionInitAck | None = None
        self._opening: SessionInit | None = None
        self._seq = 0
        self._hold_until = 0.0

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, *, token: str = "") -> AsyncIterator[SpeechClient]:
        """Connect to ``url`` (``ws://host:port/ws/session``); leaving the block closes the socket.

        ``token`` is the client's credential, where the server wants one.

        Raises `OSError`, `TimeoutError` or `websockets.InvalidHandshake`: nobody answers there as a
        dispatch server would.
        """
        async with dial(url, token=token) as socket:
            yield cls(socket)

    @property
    def session(self) -> SessionInitAck:
        """What the server agreed to. Raises `RuntimeError`: no session is open."""
        if self._session is None:
            raise RuntimeError("open a session first")
        return self._session

    async def open(
        self,
        languages: Languages,
        *,
        sample_rate: int | None = None,
        trace_id: str | None = None,
        vad: bool = False,
        binary_frames: bool = False,
    ) -> SessionInitAck:
        """Begin the session; with a ``sample_rate`` (Hz) ask to stream pcm16 at that rate.

        With ``vad`` the server is asked to cut where speech ends; the answer's ``vad`` says whether it does.
        With ``binary_frames`` chunks go out without base64 if it takes them.

        The answer's ``negotiated_audio_format`` and ``negotiated_sample_rate`` say what the server
        takes in chunks. Raises `SessionRefused`: it answered with an error.
        """
        with tracing.span("open session") as here:
            traceparent = here.traceparent or None
        self._opening = SessionInit(
            client_version="speech-dispatch-client",
            platform="python",
            src_lang=languages.src,
            tgt_lang=languages.tgt,
            auto_langs=list(languages.auto_langs) or None,
            trace_id=trace_id,
            audio_format=StreamFormat.PCM16 if sample_rate else None,
            sample_rate=sample_rate,
            vad=vad or None,
            binary_frames=binary_frames or None,
            resumable=self._resumable,
            traceparent=traceparent,
        )
        self._session = await begin(self._socket, self._opening)
        return self._session

    async def send_chunk(self, audio: bytes, *, is_final: bool = False) -> None:
        """Send a piece of speech in the negotiated format; ``is_final`` ends the utterance.

        Waits as long as the server's last `Backpressure` asks to.
        """
        await asyncio.sleep(max(0.0, self._hold_until - time.monotonic()))
        seq, self._seq = self._seq, self._seq + 1
        await self._put(Piece(seq, audio, is_final, time.time_ns() // 1_000_000))

    async def stream(
        self,
        recording: Recording,
        *,
        real_time: bool = True,
        on_chunk: Callable[[float], None] | None = None,
    ) -> None:
        """Send a pcm16 recording in chunks of 256 ms, the last one final.

        In real time each chunk goes out when its last sample would have been spoken. ``on_chunk`` is
        told how much was sent so far, in s.
        """
        began = time.monotonic()
        sent = 0
        for chunk, is_final in _chunks(recording):
            sent += len(chunk)
            spoken_s = sent / SAMPLE_BYTES / recording.sample_rate
            if real_time:
                await asyncio.sleep(began + spoken_s - time.monotonic())
            await self.send_chunk(chunk, is_final=is_final)
            if on_chunk is not None:
                on_chunk(spoken_s)

    async def send_utterance(
        self, audio: bytes, *, audio_format: str, sample_rate: int, index: int = 0
    ) -> None:
        """Send one whole utterance, of the session's languages, as ``wav``, ``pcm16`` or ``opus``."""
        session, opening = self.session, self._opening
        assert opening is not None
        await self._put_whole(
            Utterance(
                session_id=session.session_id,
                utterance_index=index,
                manual_cut=True,
                src_lang=opening.src_lang,
                tgt_lang=opening.tgt_lang,
                auto_langs=opening.auto_langs,
                audio=base64.b64encode(audio).decode("ascii"),
                audio_format=audio_format,
                sample_rate=sample_rate,
                trace_id=session.trace_id,
            )
        )

    async def end(self, reason: str = "done") -> None:
        """Say that the speaker is done; results still come, then `SessionCloseAck`."""
        await self._send(SessionClose(session_id=self.session.session_id, reason=reason))

    async def messages(self) -> AsyncIterator[ServerMessageToClient]:
        """Yield what the server sends, until it closes; what is not known here is left out.

        Raises `websockets.ConnectionClosedError`: the connection broke, or was closed with an error.
        """
        while True:
            try:
                data = await self._socket.recv()
            except ConnectionClosedOK:
                return
            message = understood(data)
            if isinstance(message, Backpressure):
                self._heed(message)
            if message is not None:
                yield message

    async def _put(self, piece: Piece) -> None:
        await self._socket.send(frame_of(piece, self.session))

    async def _put_whole(self, utterance: Utterance) -> None:
        await self._send(utterance)

    async def _send(self, message: Message) -> None:
        text = dump(message)
        # In pieces, so that pings get through between them and a slow line is not taken for a dead one.
        pieces = [text[start : start + PIECE_CHARS] for start in range(0, len(text), PIECE_CHARS)]
        await self._socket.send(pieces if len(pieces) > 1 else text)

    def _heed(self, message: Backpressure) -> None:
        pauses = message.action is BackpressureAction.PAUSE
        stated_s = None if message.resume_after_ms is None else message.resume_after_ms / 1000
        self._hold_until = time.monotonic() + ((stated_s or PAUSE_S) if pauses else SLOW_S)


def dial(url: str, pong_s: float = 20.0, token: str = "") -> connect:
    """Connect to a server, as a context manager or awaited; raises as `SpeechClient.connect`.

    ``token`` is shown to the server as a bearer token.

    A line that is silent although pinged for ``pong_s`` is taken for lost, at most twice as late.
    """
    return connect(
        url,
        additional_headers=bearer(token),
        compression=None,
        max_size=MAX_MESSAGE_BYTES,
        open_timeout=OPEN_TIMEOUT_S,
        close_timeout=CLOSE_TIMEOUT_S,
        ping_interval=pong_s,
        ping_timeout=pong_s,
    )


async def begin(socket: ClientConnection, opening: SessionInit) -> SessionInitAck:
    """Open a session on a fresh socket. Raises `SessionRefused` and `websockets.ConnectionClosedError`."""
    await socket.send(dump(opening))
    try:
        while True:
            message = understood(await socket.recv())
            if isinstance(message, SessionInitAck):
                return message
            if isinstance(message, ErrorMessage):
                raise SessionRefused(message.code, message.message)
    except ConnectionClosedOK as closed:
        said = "the server closed the connection instead of opening a session"
        raise SessionRefused("CLOSED", said) from closed


def frame_of(piece: Piece, session: SessionInitAck) -> str | bytes:
    """Give the frame of a piece, in JSON or binary as was negotiated."""
    if session.use_binary_frame:
        return pack_audio(
            session.session_id,
            piece.seq,
            piece.audio,
            is_final=piece.is_final,
            timestamp_ms=piece.spoken_ms,
        )
    return dump(
        AudioChunk(
            session_id=session.session_id,
            seq=piece.seq,
            is_final=piece.is_final,
            payload=base64.b64encode(piece.audio).decode("ascii"),
            client_timestamp_ms=piece.spoken_ms,
        )
    )


def _chunks(recording: Recording) -> Iterator[tuple[bytes, bool]]:
    """Yield the pieces of a recording, and whether each is the last; an empty one is one empty piece."""
    size = recording.sample_rate * CHUNK_MS // 1000 * SAMPLE_BYTES
    for start in range(0, max(1, len(recording.pcm)), size):
        yield recording.pcm[start : start + size], start + size >= len(recording.pcm)


def understood(data: str | bytes) -> ServerMessageToClient | None:
    """Read a frame of the server's; None for what is not known here."""
    if isinstance(data, bytes):
        return None
    try:
        return parse_server_message_to_client(data)
    except InvalidMessage as error:
        log.warning("a message of the server is ignored: %s", error.message)
        return None
