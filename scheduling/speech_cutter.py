"""Cut a stream where speech ends, not only where audio stops arriving.

Besides what `scheduling.cutter` says, an utterance of pcm16 ends when nobody has spoken for
`end_of_speech_ms` of audio. It begins a little before its first word; silence before that, and a
stretch in which nobody speaks, is in no utterance at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from scheduling.audio import InvalidAudio
from scheduling.audio_buffer import Pcm16Buffer
from scheduling.cutter import Cut, CutLimits, CutReason, Cutter
from scheduling.vad import FRAME_MS, Ear

#: Kept from before the moment speech is heard, ms: soft beginnings of words are heard late.
LEAD_MS: Final = 300
#: Silence kept behind speech, ms; the node appends its padding.
TRAIL_MS: Final = 200
#: So many of the last so many frames are speech when it begins: a click is none.
_ONSET: Final = 3
_ONSET_WINDOW: Final = 5


@dataclass(slots=True)
class _Heard:
    """What is known of the buffered audio; positions in bytes from its front."""

    scanned: int = 0
    voiced_end: int = 0
    """Behind the last frame with speech."""
    speaking: bool = False
    recent: int = 0
    """The last frames, a bit each."""

    def note(self, voiced: bool, frame_bytes: int) -> None:
        self.scanned += frame_bytes
        self.recent = (self.recent << 1 | voiced) & ((1 << _ONSET_WINDOW) - 1)
        if voiced:
            self.voiced_end = self.scanned
            self.speaking = self.speaking or self.recent.bit_count() >= _ONSET

    def shift(self, size: int) -> None:
        """`size` bytes left the front; speech goes on only if some of it is still there."""
        self.scanned = max(0, self.scanned - size)
        self.voiced_end = max(0, self.voiced_end - size)
        self.speaking = self.speaking and self.voiced_end > 0


class SpeechCutter(Cutter):
    """The utterances of one session that streams pcm16, cut at the end of speech.

    Parameters as of `Cutter`; `end_of_speech_ms` of silence end an utterance. Raises `InvalidAudio`
    for a rate that cannot be streamed, and `ValueError` for an end shorter than the silence kept.
    """

    def __init__(
        self, limits: CutLimits, sample_rate: int, end_of_speech_ms: int, ear: Ear | None = None
    ) -> None:
        super().__init__(limits, "pcm16", sample_rate, tail_ms=0)
        if end_of_speech_ms < TRAIL_MS:
            raise ValueError(f"end_of_speech_ms must be at least {TRAIL_MS}")
        if not isinstance(self._buffer, Pcm16Buffer):
            raise InvalidAudio("Speech is listened for in pcm16 only.")
        self._samples = self._buffer
        self._ear = Ear(sample_rate) if ear is None else ear
        self._quiet, self._lead, self._trail = (
            ms // FRAME_MS * self._ear.frame_bytes for ms in (end_of_speech_ms, LEAD_MS, TRAIL_MS)
        )
        self._heard = _Heard()

    @property
    def hears_utterance(self) -> bool:
        """Whether somebody speaks, or has a moment ago."""
        return self._heard.speaking

    def tick(self, now_ms: int) -> list[Cut]:
        """Return the utterance that has become due; silence before a gap is not joined to what follows."""
        stale = self._limits.pause_ms and now_ms - self.last_audio_ms >= self._limits.pause_ms
        if stale and not self.hears_utterance:
            self._forget(self._buffer.size)
        return super().tick(now_ms)

    def _excess(self) -> Iterator[Cut]:
        """Listen to every new frame, and cut where that ends an utterance."""
        frame_bytes = self._ear.frame_bytes
        while (end := self._heard.scanned + frame_bytes) <= self._buffer.size:
            self._heard.note(self._ear.hears(self._samples.peek(self._heard.scanned, end)), frame_bytes)
            if not self._heard.speaking:
                self._forget(self._heard.scanned - self._lead)
            elif self._heard.scanned - self._heard.voiced_end >= self._quiet:
                yield self._cut(self._heard.voiced_end + self._trail, CutReason.SPEECH_END)
            elif self._heard.scanned > self._samples.limit and (cut := self._too_long()):
                yield cut

    def _rest(self, reason: CutReason) -> list[Cut]:
        if self.hears_utterance:
            return super()._rest(reason)
        self._forget(self._buffer.size)
        return []

    def _forget(self, size: int) -> None:
        super()._forget(size)
        self._heard.shift(max(0, size))

    def _cut(self, size: int, reason: CutReason) -> Cut:
        cut = super()._cut(size, reason)
        self._heard.shift(size)
        return cut
