"""``/ws/session``: a client opens a session, speaks, and is answered until it leaves."""

import logging
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

from scheduling.audio import InvalidAudio
from scheduling.conversation import Conversation
from scheduling.credentials import CLIENT, Identity, Refusal
from scheduling.errors import StoreError
from scheduling.hints import hint
from scheduling.ledger import Ledger
from scheduling.ledger.codes import LedgerError, OverQuota
from scheduling.logs import about, about_nothing
from scheduling.messages import (
    AudioChunk,
    Backpressure,
    BackpressureAction,
    ClientHeartbeat,
    ErrorCode,
    ErrorMessage,
    InvalidMessage,
    Message,
    RoomCreate,
    RoomJoin,
    ServerHeartbeat,
    SessionClose,
    SessionInit,
    SessionInitAck,
    StreamFormat,
    TtsPlayEnded,
    TtsStarted,
    Utterance,
    UtteranceCancel,
    dump,
    parse_client_message,
)
from scheduling.messages.binary import AudioFrame, BinaryFrame, PingFrame, PongFrame, parse_binary
from scheduling.speech_cutter import SpeechCutter
from web.admission import Admission, turn_away
from web.close_codes import CloseCode
from web.connection import Connection, ConnectionClosed
from web.delivery import acknowledge_close
from web.limiter import Limiter
from web.node_link import socket_token
from web.pairing import Pairings
from web.peers import Peers
from web.placing import Placer
from web.playback import Playback
from web.refused import Refused
from web.resuming import Resuming
from web.rooms import Rooms
from web.session_audio import SessionAudio
from web.session_cancel import Cancelling
from web.session_link import SessionLink, tick_ms
from web.spreading import spread

_log = logging.getLogger(__name__)

_RATE = 16_000
#: What a client calls itself is logged up to so many characters.
_MOST_WORDS = 64
_MOST_REASON = 125
#: Sessions that another process takes over in a second without being busy with that alone.
_RETURNS_PER_S = 200


class SessionSocket:
    """Serves client sockets; one object for all of the process."""

    def __init__(
        self,
        ledger: Ledger,
        peers: Peers,
        placer: Placer,
        pairings: Pairings,
        cancelling: Cancelling,
        rooms: Rooms,
        resuming: Resuming,
        limiter: Limiter,
        admission: Admission,
    ) -> None:
        self._ledger = ledger
        self._limiter = limiter
        self._peers = peers
        self._pairings = pairings
        self._resuming = resuming
        self._admission = admission
        self._idle_ms = round(1000 * ledger.cell.settings.idle_s)
        self._rooms = rooms
        self._audio = SessionAudio(placer, rooms.speech, ledger)
        self.cuts = self._audio.cuts
        playback = Playback(ledger)
        self._handlers: dict[type[Any], Callable[[SessionLink, Any], None]] = {
            AudioChunk: self._audio.chunk,
            AudioFrame: self._audio.frame,
            UtteranceCancel: cancelling.cancel,
            Utterance: self._audio.utterance,
            ClientHeartbeat: self._heartbeat,
            SessionClose: self._goodbye,
            TtsStarted: playback.started,
            TtsPlayEnded: playback.ended,
            **rooms.handlers,
        }

    def serve(self, connection: Connection) -> None:
        """Serve one socket until it closes; what is buffered then still becomes a job."""
        link: SessionLink | None = None
        end_s = time.monotonic() + self._ledger.cell.settings.opening_s
        about_nothing()
        try:
            while True:
                data = connection.receive(self._patience_s(link)) if link else connection.receive_until(end_s)
                if data is not None:
                    link = self._take(connection, link, data)
                    if link is not None:
                        link.heard_ms = tick_ms()
                elif link is None:
                    connection.close(
                        CloseCode.REGISTRATION_REQUIRED, "send session_init first, then reconnect"
                    )
                    return
                if link is not None:
                    self._audio.tick(link)
                    if self._is_idle(link):
                        self._end_idle(link)
                        return
        except ConnectionClosed:
            pass
        finally:
            if link is not None:
                self._leave(link)

    def drain(self, link: SessionLink) -> None:
        """Make a job of what is buffered and listen no more, because this process is about to end.

        A client that resumes is sent elsewhere at once, where it is still heard and gets its results.
        """
        if link.draining or link.closing:
            return
        link.draining = True
        if link.resumable:
            link.connection.close(CloseCode.RESTART, self._come_back())
        else:
            link.send(dump(Backpressure(action=BackpressureAction.PAUSE)))
            self._audio.finish(link)

    def _come_back(self) -> str:
        """Tell a client that goes on elsewhere when to: spread, so that they do not come all at once."""
        spread_s = self._ledger.cell.settings.restart_spread_s
        most_s = min(spread_s, len(self._peers.sessions) / _RETURNS_PER_S)
        return f"restart, come back in {random.uniform(0, most_s):.1f} s"

    def _take(
        self, connection: Connection, link: SessionLink | None, data: str | bytes
    ) -> SessionLink | None:
        """Deal with one frame; give the session's link, which session_init makes."""
        try:
            message = parse_client_message(data) if isinstance(data, str) else _binary(link, data)
            if isinstance(message, SessionInit):
                return self._open(connection, link, message)
            self._dispatch(link, message)
        except InvalidMessage as error:
            _tell(connection, error.code, error.message)
        except InvalidAudio as error:
            _tell(connection, ErrorCode.INVALID_MESSAGE, str(error))
        except Refused as refused:
            self._tell_refused(connection, link, refused)
        except Refusal as refusal:
            turn_away(connection, refusal, close=link is None)
        except (LedgerError, StoreError) as error:
            _log.warning("a client's message waits for the ledger in vain: %s", error)
            _tell(connection, ErrorCode.SCHEDULER_DEPENDENCY_DOWN, hint("SCHEDULER_DEPENDENCY_DOWN"))
        return link

    def _dispatch(self, link: SessionLink | None, message: Message | BinaryFrame) -> None:
        if isinstance(message, PingFrame | PongFrame):
            if link is not None and isinstance(message, PingFrame):
                link.connection.send(message.pong)
            return
        if link is None or getattr(message, "session_id", link.session_id) != link.session_id:
            raise Refused(ErrorCode.INVALID_SESSION, _wrong_session(link))
        if link.closing:
            raise Refused(ErrorCode.SESSION_CLOSED, hint("SESSION_CLOSED"))
        if link.draining and isinstance(message, Utterance):
            # A chunk's client was told to pause; a whole utterance would be waited for.
            raise Refused(ErrorCode.SESSION_CLOSED, "The server restarts. Reconnect, then say it again.")
        if link.identity.languages is not None:
            _require_languages(link.identity, message)
        if not link.draining or isinstance(message, ClientHeartbeat | SessionClose):
            self._handlers[type(message)](link, message)

    def _open(self, connection: Connection, former: SessionLink | None, init: SessionInit) -> SessionLink:
        identity = self._admission.by_message(
            connection.identity, CLIENT, init.credential, connection.environ
        )
        tenant = identity.tenant_over(init.tenant_id)
        connection.identity = identity = self._admission.for_tenant(identity, tenant)
        _require_languages(identity, init)
        init = init.model_copy(update={"credential": None, "tenant_id": tenant})
        audio_format = str(init.audio_format or StreamFormat.OPUS)
        rate = init.sample_rate or _RATE
        link = SessionLink(
            session_id="",
            socket=socket_token(),
            connection=connection,
            init=init,
            trace_id=init.trace_id or str(uuid4()),
            cutter=self._audio.cutter(init, audio_format, rate),
            audio_format=audio_format,
            sample_rate=rate,
            identity=identity,
            conversation=self._conversation(),
        )
        self._let_in(link)
        link.paired_node = self._node_of(link)
        begun = self._begin(link)
        if init.resume and not begun.get("resumed"):
            self._limiter.charge_session(link.tenant, link.limits)
        connection.on_held_back = partial(self._held_back, link)
        if former is not None:
            self._leave(former)  # a second session_init ends the first session of the socket
        self._peers.sessions[link.session_id] = link
        ack = SessionInitAck(
            session_id=link.session_id,
            assigned_node_id=link.paired_node or None,
            trace_id=link.trace_id,
            use_binary_frame=bool(init.binary_frames),
            vad=isinstance(link.cutter, SpeechCutter) if init.vad else None,
            negotiated_codec=audio_format,
            negotiated_audio_format=audio_format,
            negotiated_sample_rate=rate,
            **begun,
        )
        link.send(dump(ack))
        about(
            session=link.session_id,
            trace=link.trace_id[:_MOST_WORDS],
            tenant=(init.tenant_id or "")[:_MOST_WORDS],
        )
        languages = f"{init.src_lang[:_MOST_WORDS]}→{init.tgt_lang[:_MOST_WORDS]}"
        _log.info(
            "session resumed" if begun.get("resumed") else "session opened", extra={"languages": languages}
        )
        self._resuming.catch_up(link)
        if begun.get("resumed"):
            self._rooms.come_back(link)
        return link

    def _let_in(self, link: SessionLink) -> None:
        """See whether its tenant may open a session now. Raises `Refused`."""
        link.limits = self._limiter.table.of(link.tenant).with_stated(link.identity.limits)
        self._limiter.open_session(link.tenant, link.limits, resumes=link.init.resume is not None)

    def _begin(self, link: SessionLink) -> dict[str, Any]:
        """Open the session in the ledger, or take it up again. Raises `Refused`."""
        try:
            return self._resuming.begin(link)
        except OverQuota as error:
            raise self._limiter.over(error.limit, spread(error.retry_after_ms)) from error

    def _node_of(self, link: SessionLink) -> str:
        """Give the node its client is paired with; one whose code is not looked at is told so."""
        try:
            return self._pairings.node_of(link.init.pairing_code, link.connection)
        except Refused as refused:
            self._tell_refused(link.connection, link, refused)
            return ""

    def _tell_refused(self, connection: Connection, link: SessionLink | None, refused: Refused) -> None:
        """Tell a client; one that has no session, because of a limit, has to come back for it."""
        _tell(connection, refused.code, refused.message, refused.details)
        if link is None and refused.limit and refused.retry_after_ms:
            after_s = refused.retry_after_ms / 1000
            said = f"the limit of {refused.limit} is reached; come back in {after_s:.1f} s"
            connection.close(CloseCode.TRY_AGAIN_LATER, said)

    def _held_back(self, link: SessionLink, late_s: float) -> None:
        """Ask a client that sends more than it may to pause; until it does it is read from more slowly."""
        self._limiter.note_held_back(late_s)
        self._audio.pause(link, round(1000 * late_s))

    def _conversation(self) -> Conversation:
        settings = self._ledger.cell.settings
        return Conversation(settings.group_ms, settings.context_chars)

    def _patience_s(self, link: SessionLink) -> float:
        """How long to wait for a frame until something else is due, s."""
        due_ms = link.heard_ms + self._idle_ms
        if link.cutter.due_ms is not None:
            due_ms = min(due_ms, link.cutter.due_ms)
        return max(0.001, (due_ms - tick_ms()) / 1000)

    def _is_idle(self, link: SessionLink) -> bool:
        """Whether nothing came for very long; while something is under way the time does not count.

        Nor does it for who listens in a room, which ends by itself when nobody speaks.
        """
        if tick_ms() - link.heard_ms < self._idle_ms:
            return False
        busy = bool(link.running or link.room)
        if busy:
            link.heard_ms = tick_ms()
        return not busy

    def _end_idle(self, link: SessionLink) -> None:
        said = f"Nothing came for {self._idle_ms / 1000:g} s. Start a new session when somebody speaks."
        _tell(link.connection, ErrorCode.SESSION_CLOSED, said)
        link.connection.close(CloseCode.IDLE, said)

    def _heartbeat(self, link: SessionLink, _message: ClientHeartbeat) -> None:
        link.send(dump(ServerHeartbeat(session_id=link.session_id, timestamp=_now_ms())))

    def _goodbye(self, link: SessionLink, _message: SessionClose) -> None:
        self._audio.finish(link)
        self._rooms.leave(link)
        link.closing = True
        if not (link.running or link.delivering):
            acknowledge_close(link)

    def _leave(self, link: SessionLink) -> None:
        try:
            if not (link.closing or link.draining or link.resumable):
                self._audio.finish(link)
            if link.ended or not link.resumable:
                self._rooms.leave(link)
            self._resuming.leave(link)
        except (LedgerError, StoreError) as error:
            _log.warning("the end of session %s is not in the ledger: %s", link.session_id, error)
        self._peers.drop_session(link)
        reason = (
            "by its client"
            if link.ended
            else str(link.connection.close_message or link.connection.close_reason)
        )
        _log.info("session closed", extra={"session": link.session_id, "reason": reason[:_MOST_REASON]})


def _binary(link: SessionLink | None, data: bytes) -> BinaryFrame:
    if link is None or not link.init.binary_frames:
        raise InvalidMessage("Binary frames were not negotiated. Send JSON as text.")
    return parse_binary(data)


def _require_languages(identity: Identity, message: Any) -> None:
    """Raise `Refusal` when a message asks for a language that the credential does not allow."""
    if isinstance(message, SessionInit | Utterance):
        others = (message.lang_a, message.lang_b, *(message.auto_langs or ()))
        identity.require_languages(message.src_lang, message.tgt_lang, *others)
    elif isinstance(message, RoomCreate | RoomJoin):
        identity.require_languages(message.preferred_lang)


def _tell(
    connection: Connection, code: ErrorCode, message: str, details: dict[str, Any] | None = None
) -> None:
    connection.send(dump(ErrorMessage(code=code, message=message, details=details or None)))


def _wrong_session(link: SessionLink | None) -> str:
    if link is None:
        return hint("INVALID_SESSION")
    return f"This connection belongs to session {link.session_id}. Send that session_id."


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
