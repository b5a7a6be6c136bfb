"""A client that survives the loss of its socket: it comes back and goes on where it was.

async with ReconnectingClient.connect(["ws://a/ws/session", "ws://b/ws/session"]) as client:
    await client.open(Languages("en", "pt"), sample_rate=16_000)
    ...  # as with `SpeechClient`; each result is handed out once

What was said and not yet heard is sent again, results that came meanwhile are fetched. A server that does
not offer it is spoken to as by `SpeechClient`: a lost socket then ends the session.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidHandshake, InvalidStatus

from agent.backoff import Backoff, refusal_reason
from agent.client import (
    OPEN_TIMEOUT_S,
    Languages,
    Piece,
    SessionRefused,
    SpeechClient,
    begin,
    dial,
    frame_of,
    understood,
)
from agent.together import stop
from scheduling.messages import (
    AudioAck,
    Backpressure,
    ErrorMessage,
    MissingResult,
    Resume,
    ServerMessageToClient,
    SessionClose,
    SessionCloseAck,
    SessionInitAck,
    TranslationResult,
    Utterance,
)

__all__ = ["Languages", "ReconnectingClient"]

#: Audio kept until the server has heard it: 4 minutes of pcm16 at 16 kHz.
KEPT_BYTES = 8 << 20
#: What was missed comes at once; what this client wants answered waits for it so long, s.
REPLAY_S = 5.0
#: Who can come back need not be patient with a line that may be dead: as `dial` has it, s.
PONG_S = 5.0
#: Nobody answers there as a dispatch server would.
_FAILURES = (OSError, TimeoutError, InvalidHandshake)
#: The ends of a connection after which it is worth coming back; the others would only repeat themselves.
_TRANSIENT = {1005, 1006, 1011, 1012, 1013, 4000, 4002, 4003}


class ReconnectingClient(SpeechClient):
    """One session over as many sockets as it takes; speak from one task and read `messages` in another.

    Only while `messages` is read does it come back. ``on_news`` is told in a sentence what happens.
    """

    _resumable = True

    def __init__(
        self,
        urls: Sequence[str],
        socket: ClientConnection,
        on_news: Callable[[str], None] | None = None,
        *,
        token: str = "",
    ) -> None:
        super().__init__(socket)
        self._token = token
        self._urls = deque(urls)
        self._on_news = on_news or (lambda _: None)
        self._backoff = Backoff()
        self._sending = asyncio.Lock()
        self._is_here = asyncio.Event()
        self._is_here.set()
        self._kept: deque[Piece] = deque()
        self._whole: dict[int, Utterance] = {}
        self._goodbye = ""
        self._offset = 0
        self._heard_seq = 0
        """Chunks below it were acknowledged, so they are not kept."""
        self._replay_until = 0
        self._replay_by = 0.0
        self._sent_seq = -1
        self._sent_whole: set[int] = set()
        self._said_goodbye = False
        self._later: asyncio.Task[None] | None = None
        self.resumed = 0
        """How often it came back to its session."""

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, urls: str | Sequence[str], on_news: Callable[[str], None] | None = None, *, token: str = ""
    ) -> AsyncIterator[ReconnectingClient]:
        """Connect to the first of the servers that answers; leaving the block closes the socket.

        Raises what the last one's failure was, as `SpeechClient.connect`.
        """
        places = [urls] if isinstance(urls, str) else list(urls)
        for turn, url in enumerate(places, 1):
            try:
                socket = await dial(url, PONG_S, token)
            except _FAILURES:
                if turn == len(places):
                    raise
                continue
            client = cls([*places[turn - 1 :], *places[: turn - 1]], socket, on_news, token=token)
            break
        try:
            yield client
        finally:
            if client._later is not None:
                await stop(client._later)
            await client._socket.close()

    async def end(self, reason: str = "done") -> None:
        """Say that the speaker is done; results still come, then `SessionCloseAck`."""
        self._goodbye = reason
        await self._pump()

    async def messages(self) -> AsyncIterator[ServerMessageToClient]:
        """Yield what the server sends until the session is closed, each result once.

        After a loss it yields the new `SessionInitAck`: unless that says ``resumed`` a new session began,
        and with ``history_lost`` results may be missing. Raises `websockets.ConnectionClosed` when it
        cannot come back, or not in time.
        """
        is_over = False
        while True:
            try:
                message = understood(await self._socket.recv())
            except ConnectionClosed as closed:
                if is_over or isinstance(closed, ConnectionClosedOK):
                    return
                message = await self._come_back(closed)
            if message is None or self._is_old(message):
                continue
            is_over = is_over or isinstance(message, SessionCloseAck)
            await self._note(message)
            yield message

    async def _put(self, piece: Piece) -> None:
        while sum(len(kept.audio) for kept in self._kept) > KEPT_BYTES:
            if self._is_here.is_set():
                self._kept.popleft()  # sent long ago, and the server never said that it heard it
            else:
                await self._is_here.wait()
        self._kept.append(piece)
        await self._pump()

    async def _put_whole(self, utterance: Utterance) -> None:
        self._whole[utterance.utterance_index] = utterance
        await self._pump()

    async def _pump(self) -> None:
        """Send, in order, what this socket was not sent yet; when it is lost, the next one is."""
        async with self._sending:
            if not self._is_here.is_set():
                return
            with suppress(ConnectionClosed):
                for piece in [kept for kept in self._kept if kept.seq > self._sent_seq]:
                    self._sent_seq = piece.seq
                    await self._socket.send(frame_of(piece, self.session))
                if self._offset < self._replay_until and time.monotonic() < self._replay_by:
                    return  # what was missed may answer what follows
                for index in [index for index in self._whole if index not in self._sent_whole]:
                    self._sent_whole.add(index)
                    await self._send(self._of_this_session(self._whole[index]))
                if self._goodbye and not self._said_goodbye:
                    self._said_goodbye = True
                    await self._send(SessionClose(session_id=self.session.session_id, reason=self._goodbye))

    async def _pump_later(self) -> None:
        await asyncio.sleep(REPLAY_S)
        await self._pump()

    def _of_this_session(self, utterance: Utterance) -> Utterance:
        return utterance.model_copy(update={"session_id": self.session.session_id})

    def _is_old(self, message: ServerMessageToClient) -> bool:
        """Whether a result was handed out before."""
        offset = getattr(message, "offset", None)
        if isinstance(message, SessionInitAck) or offset is None:
            return False
        if offset <= self._offset:
            return True
        self._offset = offset
        return False

    async def _note(self, message: ServerMessageToClient) -> None:
        match message:
            case AudioAck(seq=seq):
                self._heard_seq = max(self._heard_seq, seq)
                self._forget_before(seq)
            case Backpressure():
                self._heed(message)
            case TranslationResult(utterance_index=index) | MissingResult(utterance_index=index):
                self._whole.pop(index, None)
                await self._pump()
            case ErrorMessage(details={"utterance_index": int(index)}):
                self._whole.pop(index, None)

    def _forget_before(self, seq: int) -> None:
        while self._kept and self._kept[0].seq < seq:
            self._kept.popleft()

    async def _come_back(self, closed: ConnectionClosed) -> SessionInitAck:
        code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "no goodbye")
        former = self._session
        if former is None or former.resume_token is None or code not in _TRANSIENT:
            raise closed
        self._on_news(f"the connection is lost ({reason or code}); coming back")
        self._is_here.clear()
        until = time.monotonic() + (former.resume_within_ms or 0) / 1000
        while time.monotonic() < until:
            await asyncio.sleep(self._backoff.delay_s(reason))
            self._urls.rotate(-1)
            try:
                return await self._go_on(former, self._urls[0])
            except InvalidStatus as refused:
                reason = refusal_reason(refused)
            except ConnectionClosed as ended:
                reason = ended.rcvd.reason if ended.rcvd else ""
            except (*_FAILURES, SessionRefused):
                reason = ""
        raise closed

    async def _go_on(self, former: SessionInitAck, url: str) -> SessionInitAck:
        assert self._opening is not None and former.resume_token is not None
        place = Resume(
            session_id=former.session_id,
            token=former.resume_token,
            epoch=former.epoch or "",
            offset=self._offset,
        )
        socket = await dial(url, PONG_S, self._token)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                ack = await begin(socket, self._opening.model_copy(update={"resume": place}))
        except BaseException:
            await socket.close()
            raise
        if ack.resumed and (ack.audio_seq or 0) < self._heard_seq:
            # What it had acknowledged it does not know any more: its storage went back.
            ack = ack.model_copy(update={"history_lost": True})
        async with self._sending:
            self._take(socket, ack)
        await self._pump()
        return ack

    def _take(self, socket: ClientConnection, ack: SessionInitAck) -> None:
        self._socket, self._session = socket, ack
        self._offset = ack.offset or 0
        self._replay_until = self._offset + (ack.missed or 0)
        self._replay_by = time.monotonic() + REPLAY_S
        if ack.missed:
            self._later = asyncio.create_task(self._pump_later())
        self._heard_seq = ack.audio_seq or 0
        self._forget_before(self._heard_seq)
        self._sent_seq, self._sent_whole, self._said_goodbye = -1, set(), False
        self._hold_until = 0.0
        self._backoff.reset()
        self._is_here.set()
        if ack.resumed:
            self.resumed += 1
            self._on_news(f"back in session {ack.session_id}")
        else:
            self._on_news(f"the session is gone; a new one, {ack.session_id}, has begun")
