"""What is asked of the ledger for one utterance: cut from a session's stream, or sent at once."""

import hashlib
from dataclasses import dataclass
from typing import Any

import pybase64

from scheduling.cutter import Cut
from scheduling.jobspec import JobSpec
from scheduling.languages import fold
from scheduling.messages import JobAssign, PipelineConfig, Utterance
from web.node_link import Spoken
from web.session_link import SessionLink, tick_ms

_ALL_SERVICES = PipelineConfig(use_asr=True, use_nmt=True, use_tts=True)
_PARTIAL_INTERVAL_MS = 1000  # what the protocol's servers always ask for


@dataclass(frozen=True, slots=True)
class Ask:
    """One utterance to be placed."""

    assign: JobAssign
    """With its audio; job id and attempt are filled in here."""
    request_id: str
    next_index: int
    audio_from: tuple[int, int] | None
    """Chunk, and byte in it, from which the stream is still wanted afterwards; None for a one-shot."""
    client_timestamp_ms: int | None = None
    audio_ms: int = 0
    """Length of its audio, ms."""
    journey: bool = False
    """Its client is told which node works on it."""
    room: str = ""
    """Code of the room whose members listen; empty where the speaker itself does."""
    canary: bool = False
    """Nobody said it: its text is known, and it is no usage."""

    def spec(self) -> JobSpec:
        """Give the lasting part of its job."""
        journey = {"journey": True} if self.journey else {}
        canary = {"canary": True} if self.canary else {}
        return JobSpec.of(self.assign, {"client_timestamp_ms": self.client_timestamp_ms, **journey, **canary})

    def spoken(self) -> Spoken:
        """Give it in the words its client knows."""
        it = self.assign
        return Spoken(
            it.session_id, it.utterance_index, it.trace_id, self.journey, it.traceparent or "", self.canary
        )


def ask_for_cut(session: SessionLink, cut: Cut, index: int) -> Ask:
    """Make the ask for an utterance cut from a session's stream."""
    init = session.init
    assign = JobAssign(
        job_id="-",
        attempt_id=1,
        session_id=session.session_id,
        utterance_index=index,
        src_lang=init.src_lang,
        tgt_lang=init.tgt_lang,
        dialect=init.dialect,
        features=init.features,
        pipeline=init.pipeline or _ALL_SERVICES,
        audio=pybase64.b64encode_as_string(cut.audio),
        audio_format=session.audio_format,
        sample_rate=session.sample_rate,
        mode=init.mode,
        lang_a=init.lang_a,
        lang_b=init.lang_b,
        auto_langs=init.auto_langs,
        enable_streaming_asr=True,
        partial_update_interval_ms=_PARTIAL_INTERVAL_MS,
        trace_id=session.trace_id,
        padding_ms=cut.padding_ms,
        **_part_of(session, init.tgt_lang),
        **cut.flags,
    )
    # The index keeps requests apart even when a client repeats its sequence numbers.
    request_id = f"{session.session_id}:{index}:{cut.first_seq}.{cut.first_offset}:{fold(init.tgt_lang)}"
    audio_from = (cut.last_seq, cut.split_at) if cut.split_at else (cut.last_seq + 1, 0)
    return Ask(
        assign,
        request_id,
        index + 1,
        audio_from,
        cut.client_timestamp_ms,
        cut.duration_ms,
        journey=bool(init.journey),
    )


def ask_for_utterance(session: SessionLink, message: Utterance, audio_ms: int) -> Ask:
    """Make the ask for a one-shot ``utterance``; its audio was checked and found so long (ms)."""
    init = session.init
    assign = JobAssign(
        job_id="-",
        attempt_id=1,
        session_id=session.session_id,
        utterance_index=message.utterance_index,
        src_lang=message.src_lang,
        tgt_lang=message.tgt_lang,
        dialect=message.dialect,
        features=message.features or init.features,
        pipeline=message.pipeline or init.pipeline or _ALL_SERVICES,
        audio=message.audio,
        audio_format=message.audio_format,
        sample_rate=message.sample_rate,
        mode=init.mode,
        lang_a=init.lang_a,
        lang_b=init.lang_b,
        auto_langs=init.auto_langs,
        enable_streaming_asr=True,
        partial_update_interval_ms=_PARTIAL_INTERVAL_MS,
        trace_id=message.trace_id or session.trace_id,
        **_part_of(session, message.tgt_lang),
    )
    digest = hashlib.sha256(message.audio.encode()).hexdigest()[:16]
    request_id = f"{session.session_id}:u{message.utterance_index}.{digest}:{fold(message.tgt_lang)}"
    return Ask(assign, request_id, session.next_index, None, audio_ms=audio_ms, journey=bool(init.journey))


def _part_of(session: SessionLink, tgt_lang: str) -> dict[str, Any]:
    """Give what is known of the group that the utterance will be a part of."""
    tgt_lang = fold(tgt_lang)
    under_way = sum(1 for language, _ in session.running if language == tgt_lang)
    return session.conversation.members(tgt_lang, under_way, tick_ms())
