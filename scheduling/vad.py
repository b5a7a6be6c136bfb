"""Hear whether there is speech in pcm16, frame by frame.

The judge is WebRTC's detector (fixed-point C, a few microseconds a frame, one small state per session):
a neural one is better in loud noise, but by its makers' figures costs ten times as much and more, too
much beside thousands of sessions in one process. It knows four rates; others are thinned out to the next
one below.
"""

from array import array
from typing import Final, Protocol

import webrtcvad

from scheduling.audio import check_sample_rate

FRAME_MS: Final = 20
_RATES: Final = (48_000, 32_000, 16_000, 8_000)
#: 0 takes most for speech, 3 least. At 2 neither breath nor a fan is speech, and quiet words still are.
_STRICTNESS: Final = 2


class Judge(Protocol):
    """What says whether a frame is speech."""

    def is_speech(self, frame: bytes, sample_rate: int) -> bool:
        """Judge one frame of pcm16 at a rate of Hz; it may remember those before."""
        ...


class Ear:
    """Listens to one stream of pcm16 at `sample_rate` Hz, frame by frame in order.

    Raises `InvalidAudio` for an unsupported rate.
    """

    def __init__(self, sample_rate: int, judge: Judge | None = None) -> None:
        check_sample_rate(sample_rate)
        self._judge: Judge = webrtcvad.Vad(_STRICTNESS) if judge is None else judge
        self._rate = next(rate for rate in _RATES if rate <= sample_rate)
        samples = sample_rate * FRAME_MS // 1000
        self.frame_bytes = 2 * samples
        """Length of a frame, bytes."""
        wanted = self._rate * FRAME_MS // 1000
        self._picked = [] if wanted == samples else [at * samples // wanted for at in range(wanted)]

    def hears(self, frame: bytes) -> bool:
        """Whether a frame of `frame_bytes` is speech."""
        return self._judge.is_speech(self._thinned(frame) if self._picked else frame, self._rate)

    def _thinned(self, frame: bytes) -> bytes:
        """Take the nearest samples at the judge's rate: what aliases is too faint to matter to it."""
        samples = array("h", frame)
        return array("h", map(samples.__getitem__, self._picked)).tobytes()
