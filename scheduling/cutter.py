"""Cut a stream of audio chunks into utterances.

A `Cutter` is pure: it is told the time and never waits, so its owner decides how to sleep and a test
can live through hours. Per session there is one, fed by one greenlet.

An utterance ends
* by hand: the client sends a final. Real clients send the last chunk *after* its final (they do not
  wait for their encoder), so the cut is held for `tail_ms` and what arrives meanwhile belongs to it;
* at a pause: no audio for `pause_ms` of arrival time. The next chunk starts the next utterance;
* at the end of speech, where that is listened for (`scheduling.speech_cutter`);
* at a length: more than `max_duration_ms` of audio or `max_bytes`. The rest stays buffered;
* at the close of the session.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from scheduling.audio import MAX_OPUS_PACKET_US, InvalidAudio
from scheduling.audio_buffer import AudioBuffer, OpusBuffer, Pcm16Buffer, Spans

#: Limits below one Opus packet (the longest by RFC 6716, the largest the framing allows) cannot be kept.
_MIN_DURATION_MS: Final = MAX_OPUS_PACKET_US // 1000
_MIN_BYTES: Final = 2 + 0xFFFF


class CutReason(StrEnum):
    """Why an utterance ended."""

    MANUAL = "manual"
    PAUSE = "pause"
    SPEECH_END = "speech_end"
    MAX_DURATION = "max_duration"
    MAX_LENGTH = "max_length"
    CLOSE = "close"


#: The `job_assign` flag of each reason, as the earlier server's nodes know them (at most one is set).
_FLAGS: Final = {
    CutReason.MANUAL: "is_manual_cut",
    CutReason.PAUSE: "is_pause_triggered",
    CutReason.SPEECH_END: "is_pause_triggered",
    CutReason.MAX_DURATION: "is_timeout_triggered",
}


@dataclass(frozen=True, slots=True)
class CutLimits:
    """When to cut, and how much silence (`padding_*_ms`) a node should append; the earlier server's numbers.

    `pause_ms` 0 means pauses do not cut, `max_duration_ms` 0 that only `max_bytes` limits the length.
    Raises `ValueError` for limits that a single Opus packet may exceed.
    """

    pause_ms: int = 3_000
    max_duration_ms: int = 10_000
    max_bytes: int = 512_000
    tail_ms: int = 200
    padding_auto_ms: int = 220
    padding_manual_ms: int = 280

    def __post_init__(self) -> None:
        if min(self.pause_ms, self.tail_ms, self.padding_auto_ms, self.padding_manual_ms) < 0:
            raise ValueError("pause_ms, tail_ms and the paddings must not be negative")
        if self.max_duration_ms and self.max_duration_ms < _MIN_DURATION_MS:
            raise ValueError(f"max_duration_ms must be 0 (no limit) or at least {_MIN_DURATION_MS}")
        if self.max_bytes < _MIN_BYTES:
            raise ValueError(f"max_bytes must be at least {_MIN_BYTES}")

    def padding_ms(self, reason: CutReason) -> int:
        """Silence to append: none to audio cut for its size, which goes on without a gap."""
        if reason is CutReason.MAX_LENGTH:
            return 0
        return self.padding_manual_ms if reason is CutReason.MANUAL else self.padding_auto_ms


@dataclass(frozen=True, slots=True)
class Cut:
    """One utterance.

    `audio` is raw pcm16 or length-prefixed Opus. It begins at byte `first_offset` of chunk `first_seq`,
    a pair no other cut of the session has while its client numbers chunks upwards. It ends with chunk
    `last_seq`, or inside it at byte `split_at` if that is not 0: there the next cut begins (what is left
    may be half a sample, which then counts to the chunk that completes it).
    `first_chunk_ms` is when chunk `first_seq` arrived, `client_timestamp_ms` what the client stamped it
    with. `padding_ms` is silence for the node to append.
    """

    audio: bytes = field(repr=False)
    reason: CutReason
    duration_ms: int
    padding_ms: int
    first_seq: int
    first_offset: int
    last_seq: int
    split_at: int
    first_chunk_ms: int
    client_timestamp_ms: int | None

    @property
    def flags(self) -> dict[str, Any]:
        """The members that `job_assign` carries for the reason; unset ones are left out."""
        flag = _FLAGS.get(self.reason)
        return {flag: True} if flag else {}


def buffer_for(limits: CutLimits, audio_format: str, sample_rate: int) -> AudioBuffer:
    """Make the buffer of a stream. Raises `InvalidAudio`: its format or rate cannot be streamed."""
    if audio_format == "pcm16":
        return Pcm16Buffer(sample_rate, limits.max_duration_ms, limits.max_bytes)
    if audio_format == "opus":
        return OpusBuffer(limits.max_duration_ms, limits.max_bytes)
    raise InvalidAudio(f"Audio cannot be streamed as {audio_format[:32]!r}: send pcm16 or opus in chunks.")


class Cutter:
    """The utterances of one session. Not for several threads or greenlets at once.

    `sample_rate` is in Hz and matters to pcm16 only. `tail_ms` overrides that of the limits: 0 for a
    client that is known to send its final last. Times given to the methods are of one clock, in ms.
    Raises `InvalidAudio` for a format or rate that cannot be streamed.
    """

    def __init__(
        self, limits: CutLimits, audio_format: str, sample_rate: int, tail_ms: int | None = None
    ) -> None:
        self._limits = limits
        self._tail_ms = limits.tail_ms if tail_ms is None else tail_ms
        self._buffer = buffer_for(limits, audio_format, sample_rate)
        self._spans = Spans()
        self.last_audio_ms = 0
        """When audio came last."""
        self._held_until_ms: int | None = None
        self._no_pause_until_ms = 0
        self._closed = False

    @property
    def buffered_bytes(self) -> int:
        """Bytes of whole samples or packets that no cut has taken yet."""
        return self._buffer.size

    @property
    def hears_utterance(self) -> bool:
        """Whether an utterance has begun that is not cut yet."""
        return bool(self._buffer.size)

    @property
    def due_ms(self) -> int | None:
        """When `tick` will next give a cut if nothing arrives before; None if never."""
        if not self.hears_utterance:
            return None
        if self._held_until_ms is not None:
            return self._held_until_ms
        if not self._limits.pause_ms:
            return None
        return max(self.last_audio_ms + self._limits.pause_ms, self._no_pause_until_ms)

    def suspend_pauses(self, now_ms: int, until_ms: int) -> None:
        """Let no pause cut before `until_ms`; silence counts from `now_ms` again."""
        self._no_pause_until_ms = until_ms
        self.last_audio_ms = max(self.last_audio_ms, now_ms)

    def drop(self) -> None:
        """Forget what is buffered: nobody wants it any more. A final that is held ends nothing then."""
        self._held_until_ms = None
        self._forget(self._buffer.size)

    def add(
        self,
        data: bytes,
        *,
        seq: int,
        is_final: bool,
        now_ms: int,
        client_timestamp_ms: int | None = None,
        begins: int = 0,
    ) -> list[Cut]:
        """Take a chunk that arrived at `now_ms` and return the utterances that ended, oldest first.

        `data` begins at byte `begins` of the chunk: earlier utterances may have taken its front before.

        An empty chunk is no audio: it neither starts an utterance nor moves the pause, but its
        `is_final` counts. Raises `InvalidAudio` for broken audio, which changes nothing, and
        `ValueError` after `close`.
        """
        if self._closed:
            raise ValueError("the cutter is closed")
        chunk = self._buffer.read(data)
        cuts = self.tick(now_ms)
        if data:
            size, carried = self._buffer.append(chunk)
            half = carried + len(data) > size
            self._spans.append(seq, now_ms, client_timestamp_ms, size, carried, begins=begins, half=half)
            self.last_audio_ms = now_ms
            cuts += self._excess()
        if is_final and self._held_until_ms is None:
            self._held_until_ms = now_ms + self._tail_ms
            cuts += self.tick(now_ms)
        return cuts

    def tick(self, now_ms: int) -> list[Cut]:
        """Return the utterance that has become due, if any (at most one)."""
        if self._held_until_ms is not None:
            if now_ms < self._held_until_ms:
                return []
            self._held_until_ms = None
            return self._rest(CutReason.MANUAL)
        due_ms = self.due_ms
        return self._rest(CutReason.PAUSE) if due_ms is not None and due_ms <= now_ms else []

    def close(self, now_ms: int) -> list[Cut]:
        """Return all that is buffered; only half a pcm16 sample, which is no audio, is dropped."""
        cuts = self.tick(now_ms)
        cuts += self._rest(CutReason.CLOSE if self._held_until_ms is None else CutReason.MANUAL)
        self._held_until_ms = None
        self._closed = True
        return cuts

    def _excess(self) -> Iterator[Cut]:
        """Give what exceeds the limits."""
        while cut := self._too_long():
            yield cut

    def _too_long(self) -> Cut | None:
        overflow = self._buffer.overflow()
        if overflow is None:
            return None
        return self._cut(overflow.size, CutReason.MAX_LENGTH if overflow.by_bytes else CutReason.MAX_DURATION)

    def _rest(self, reason: CutReason) -> list[Cut]:
        return [self._cut(self._buffer.size, reason)] if self._buffer.size else []

    def _forget(self, size: int) -> None:
        if size > 0:
            self._buffer.take(size)
            self._spans.take(size)

    def _cut(self, size: int, reason: CutReason) -> Cut:
        audio, duration_ms = self._buffer.take(size)
        origin = self._spans.take(size)
        return Cut(
            audio=audio,
            reason=reason,
            duration_ms=duration_ms,
            padding_ms=self._limits.padding_ms(reason),
            first_seq=origin.first_seq,
            first_offset=origin.first_offset,
            last_seq=origin.last_seq,
            split_at=origin.split_at,
            first_chunk_ms=origin.first_chunk_ms,
            client_timestamp_ms=origin.client_timestamp_ms,
        )
