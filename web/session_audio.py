"""What a client says becomes utterances and jobs: chunks through the cutter, whole utterances at once."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from scheduling.audio import check, decode_base64
from scheduling.cutter import Cut, CutLimits, CutReason, Cutter
from scheduling.errors import StoreError
from scheduling.languages import fold
from scheduling.ledger import Ledger
from scheduling.ledger.codes import LedgerError
from scheduling.ledger.sessions import Refusal
from scheduling.messages import (
    AudioChunk,
    ErrorCode,
    ErrorMessage,
    Message,
    MissingResult,
    SessionInit,
    StreamFormat,
    UiEvent,
    UiEventName,
    UiStatus,
    Utterance,
    dump,
)
from scheduling.messages.binary import AudioFrame
from scheduling.speech_cutter import SpeechCutter
from web.asking import Ask, ask_for_cut, ask_for_utterance
from web.journey import tell_ended, tell_started, tell_waiting, tell_whole
from web.placing import Placer, store_down
from web.pressure import Pressure
from web.refused import Refused
from web.resuming import note_consumed, unheard
from web.room_speech import RoomSpeech
from web.session_link import SessionLink, tick_ms

#: A one-shot utterance may be this many times as large as one cut from a stream: a recording of 2 minutes.
#: What nodes are sent must fit what may wait for them, or a client could have a slow one disconnected.
ONE_SHOT = 8


class SessionAudio:
    """The audio of this process's sessions; one object for all of them."""

    def __init__(self, placer: Placer, speech: RoomSpeech, ledger: Ledger) -> None:
        settings = ledger.cell.settings
        self._placer = placer
        self._pressure = Pressure(settings.max_in_flight, settings.admit_wait_ms)
        self._ledger = ledger
        self._speech = speech
        self._most_bytes = ONE_SHOT * settings.max_audio_bytes
        self._end_of_speech_ms = settings.end_of_speech_ms
        self._limits = CutLimits(
            pause_ms=settings.pause_ms,
            max_duration_ms=settings.max_duration_ms,
            max_bytes=settings.max_audio_bytes,
            tail_ms=settings.tail_ms,
        )
        self.cuts: Counter[CutReason] = Counter()
        """Utterances cut from streams, by what ended them."""

    def cutter(self, init: SessionInit, audio_format: str, sample_rate: int) -> Cutter:
        """Make the cutter of a session. Raises `InvalidAudio`: the format or rate cannot be streamed."""
        if init.vad and audio_format == StreamFormat.PCM16:
            return SpeechCutter(self._limits, sample_rate, init.end_of_speech_ms or self._end_of_speech_ms)
        # A client that negotiates sends its final last; the others may send a tail after it.
        tail_ms = 0 if init.audio_format is not None else None
        return Cutter(self._limits, audio_format, sample_rate, tail_ms=tail_ms)

    def chunk(self, link: SessionLink, message: AudioChunk) -> None:
        """Take a chunk of the stream. Raises `InvalidAudio`."""
        audio = decode_base64(message.payload or "")
        self._hear(link, audio, message.seq, message.is_final, message.client_timestamp_ms)

    def frame(self, link: SessionLink, frame: AudioFrame) -> None:
        """Take a chunk that came as a binary frame. Raises `InvalidAudio`."""
        stamp_ms = frame.timestamp_ms(time.time_ns() // 1_000_000)
        self._hear(link, frame.audio, frame.seq, frame.is_final, stamp_ms)

    def _hear(
        self, link: SessionLink, audio: bytes, seq: int, is_final: bool, client_timestamp_ms: int | None
    ) -> None:
        if len(audio) > self._most_bytes:
            raise self._too_large("The audio of this chunk", audio)
        new = unheard(link, seq, audio)
        if new is None:
            return
        cuts = link.cutter.add(
            new[0],
            begins=new[1],
            seq=seq,
            is_final=is_final,
            now_ms=tick_ms(),
            client_timestamp_ms=client_timestamp_ms,
        )
        self._place_cuts(link, cuts)
        if link.cutter.hears_utterance:
            tell_started(link, link.next_index)

    def utterance(self, link: SessionLink, message: Utterance) -> None:
        """Take a whole utterance. Raises `InvalidAudio` and `Refused`."""
        audio = decode_base64(message.audio)
        if len(audio) > self._most_bytes:
            raise self._too_large("utterance: 'audio'", audio)
        audio_ms = check(message.audio_format, audio, message.sample_rate)
        if audio_ms == 0:
            raise Refused(
                ErrorCode.INVALID_MESSAGE, "utterance: 'audio' holds no sound. Send at least 1 ms of it."
            )
        tell_whole(link, message.utterance_index)
        link.speech_ended_ms = tick_ms()
        self._place(link, ask_for_utterance(link, message, audio_ms))

    def _too_large(self, what: str, audio: bytes) -> Refused:
        return Refused(
            ErrorCode.INVALID_MESSAGE,
            f"{what} has {len(audio)} bytes. Send {self._most_bytes} at most, or more chunks.",
        )

    def tick(self, link: SessionLink) -> None:
        """Place what has become due."""
        self._place_cuts(link, link.cutter.tick(tick_ms()))

    def pause(self, link: SessionLink, lasts_ms: int) -> None:
        """Ask a talker to pause."""
        self._pressure.refused(link, lasts_ms)

    def finish(self, link: SessionLink) -> None:
        """Place what is buffered: no more audio comes."""
        self._place_cuts(link, link.cutter.close(tick_ms()))

    def _place_cuts(self, link: SessionLink, cuts: list[Cut]) -> None:
        with link.placing:
            for cut in cuts if not link.left else ():
                self.cuts[cut.reason] += 1
                link.speech_ended_ms = self._speech_ended_ms(link, cut)
                index, link.next_index = link.next_index, link.next_index + 1
                tell_ended(link, index, cut.reason)
                self._place(link, ask_for_cut(link, cut, index))

    def _speech_ended_ms(self, link: SessionLink, cut: Cut) -> int:
        """Give when its speech ended, before the silence that was waited for; on the clock of `tick_ms`."""
        if cut.reason is CutReason.PAUSE:
            return link.cutter.last_audio_ms
        silence_ms = link.init.end_of_speech_ms or self._end_of_speech_ms
        return tick_ms() - (silence_ms if cut.reason is CutReason.SPEECH_END else 0)

    def _place(self, link: SessionLink, ask: Ask) -> None:
        """Place an utterance: as one job, or in a room as one for each language."""
        try:
            self._pressure.check(link)
            asks = self._speech.spread(link, ask)
        except (Refused, LedgerError, StoreError) as error:
            self._turn_down(link, ask, error)
        else:
            for each in asks[:-1]:
                self._place_one(link, _held(each))
            self._place_one(link, asks[-1])
        if ask.audio_from:
            note_consumed(link, ask.audio_from)

    def _place_one(self, link: SessionLink, ask: Ask) -> None:
        """Place a job; a refusal is told at once, as it takes no place in the order of results."""
        try:
            placement = self._placer.place(link, ask)
        except (Refused, LedgerError, StoreError) as error:
            self._turn_down(link, ask, error)
        else:
            waits = placement.state == "waiting"
            self._pressure.placed(link, placement.wait_ms if waits else None)
            if waits:
                tell_waiting(link, ask.assign.utterance_index, placement.job_id, ask.assign.trace_id)

    def _turn_down(self, link: SessionLink, ask: Ask, error: Refused | LedgerError | StoreError) -> None:
        if isinstance(error, Refused):
            self._refuse(link, ask, error)
            self._pressure.refused(link, error.retry_after_ms)
        else:
            self._refuse(link, ask, store_down(error))

    def _refuse(self, link: SessionLink, ask: Ask, refused: Refused) -> None:
        """Tell it, by the way that outlives the socket unless it is about one of a room's languages.

        That way ends the utterance, and other languages may go on.
        """
        told = _refusal(link, ask, refused)
        lasting = link.resumable and not ask.room
        if not (lasting and self._record(link, ask, told, refused)):
            for message in told:
                link.send(dump(message))

    def _record(self, link: SessionLink, ask: Ask, told: Sequence[Message], refused: Refused) -> bool:
        """Let a refusal take its way through the out stream, so that a lost socket does not lose it."""
        missing = MissingResult(
            session_id=link.session_id,
            utterance_index=ask.assign.utterance_index,
            reason=refused.code.lower(),
            created_at_ms=time.time_ns() // 1_000_000,
            trace_id=ask.assign.trace_id,
        )
        whole = ask.audio_from is None
        refusal = Refusal(
            tgt_lang=fold(ask.assign.tgt_lang),
            next_index=ask.assign.utterance_index + 1 if whole else ask.next_index,
            audio_from=ask.audio_from,
            request_id=ask.request_id if whole else "",
            token=uuid4().hex if whole else "",
            events="\n".join(dump(message) for message in told),
            main=dump(missing),
        )
        try:
            recorded = self._ledger.sessions.refuse(link.session_id, link.socket, refusal)
        except (LedgerError, StoreError):
            return False
        if recorded:
            link.running[refusal.tgt_lang, -refusal.next_index] = ask.assign.utterance_index
        if recorded and ask.audio_from is not None:
            link.noted_index, link.noted_audio = refusal.next_index, ask.audio_from
        return recorded


def _held(ask: Ask) -> Ask:
    """Give the same, not moving the session on: were its audio sent again, it would find its job.

    Only the last of an utterance's jobs moves it on, so that a lost process leaves out none of them.
    """
    return replace(ask, next_index=ask.next_index - 1, audio_from=None) if ask.audio_from else ask


def _refusal(link: SessionLink, ask: Ask, refused: Refused) -> list[Message]:
    index = ask.assign.utterance_index
    event = UiEvent(
        trace_id=ask.assign.trace_id,
        session_id=link.session_id,
        job_id="",
        utterance_index=index,
        event=UiEventName.ERROR,
        status=UiStatus.ERROR,
        error_code=refused.code,
        hint=refused.message,
    )
    details = {"utterance_index": index, **refused.details}
    if ask.room:
        details["tgt_lang"] = ask.assign.tgt_lang
    return [event, ErrorMessage(code=refused.code, message=refused.message, details=details)]
