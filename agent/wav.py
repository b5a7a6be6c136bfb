"""WAV files and 16-bit PCM in plain Python, so that neither node nor client needs numpy for them.

Everything inside is one thing: a mono recording of little-endian 16-bit samples at a stated rate.
"""

from __future__ import annotations

import io
import struct
import sys
import wave
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

SAMPLE_BYTES = 2
_PCM = 0x0001
_FLOAT = 0x0003
_EXTENSIBLE = 0xFFFE
#: Twice what the best recorders have, Hz. A file that states more would, resampled, be a moment of noise.
_HIGHEST_RATE = 768_000


class BadWav(ValueError):
    """The data is not a WAV file that can be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A mono recording: ``pcm`` holds little-endian signed 16-bit samples, ``sample_rate`` is in Hz."""

    pcm: bytes
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Length in s."""
        return len(self.pcm) / SAMPLE_BYTES / self.sample_rate


def read_wav(data: bytes) -> Recording:
    """Read a WAV file of integer or float samples; several channels become their mean.

    A data chunk that claims more than the file holds, as streaming recorders write it, is read as far as
    it goes.

    Raises `BadWav`: it is not RIFF/WAVE, has no format or data, states a rate that nobody records at, or its
    samples are compressed.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadWav("not a WAV file: it does not begin with RIFF and WAVE")
    found = dict(_chunks(data))
    layout, samples = found.get(b"fmt "), found.get(b"data")
    if layout is None or len(layout) < 16 or samples is None:
        raise BadWav("a WAV file without its fmt or data chunk")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", layout)
    if tag == _EXTENSIBLE and len(layout) >= 26:
        (tag,) = struct.unpack_from("<H", layout, 24)
    if not channels or not rate:
        raise BadWav("a WAV file that states no channels or no sample rate")
    if rate > _HIGHEST_RATE:
        raise BadWav(f"a WAV file that states a sample rate of {rate} Hz, which no recorder has")
    return Recording(_to_mono(_to_16_bit(samples, tag, bits), channels), rate)


def write_wav(recording: Recording) -> bytes:
    """Return the recording as a WAV file: PCM, 16 bits, one channel."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(SAMPLE_BYTES)
        file.setframerate(recording.sample_rate)
        file.writeframes(recording.pcm)
    return out.getvalue()


def resample(recording: Recording, sample_rate: int) -> Recording:
    """Change the rate of a recording, in Hz; it keeps its length to half a sample.

    Going down, each new sample is the mean of the old ones it covers, which also takes out most of
    what would alias; going up it is a line between two neighbours. Good enough to be recognised and
    listened to.
    """
    if sample_rate == recording.sample_rate:
        return recording
    old = samples_of(recording.pcm)
    count = round(len(old) * sample_rate / recording.sample_rate)
    change = _averaged if sample_rate < recording.sample_rate else _interpolated
    return Recording(pcm_of(change(old, count)) if len(old) else b"", sample_rate)


def join(recordings: Sequence[Recording]) -> Recording:
    """One recording after the other, at the rate of the first.

    Raises `ValueError`: there is none.
    """
    if not recordings:
        raise ValueError("no recordings to join")
    rate = recordings[0].sample_rate
    return Recording(b"".join(resample(each, rate).pcm for each in recordings), rate)


def samples_of(pcm: bytes) -> array[int]:
    """Return the samples of little-endian 16-bit PCM; an odd last byte is left out."""
    samples = array("h")
    samples.frombytes(pcm[: len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def pcm_of(samples: Iterable[int]) -> bytes:
    """Little-endian 16-bit PCM of the samples, each within -32768 to 32767."""
    made = array("h", samples)
    if sys.byteorder == "big":
        made.byteswap()
    return made.tobytes()


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    offset = 12
    while offset + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, offset)
        yield name, data[offset + 8 : offset + 8 + size]
        offset += 8 + size + size % 2


def _to_16_bit(data: bytes, tag: int, bits: int) -> bytes:
    read = _READERS.get((tag, bits))
    if read is None:
        raise BadWav(f"a WAV file of format {tag:#06x} with {bits} bits; PCM or 32-bit float is needed")
    return read(data)


def _upper_bytes(width: int) -> Callable[[bytes], bytes]:
    """Make a reader that keeps the two upper bytes of samples of ``width`` bytes."""

    def read(data: bytes) -> bytes:
        data = data[: len(data) // width * width]
        out = bytearray(len(data) // width * SAMPLE_BYTES)
        out[0::2], out[1::2] = data[width - 2 :: width], data[width - 1 :: width]
        return bytes(out)

    return read


def _from_8_bit(data: bytes) -> bytes:
    return pcm_of((value - 128) << 8 for value in data)


def _from_float(data: bytes) -> bytes:
    values = struct.unpack(f"<{len(data) // 4}f", data[: len(data) // 4 * 4])
    return pcm_of(int(max(-1.0, min(1.0, value)) * 32767) if value == value else 0 for value in values)


_READERS: dict[tuple[int, int], Callable[[bytes], bytes]] = {
    (_PCM, 8): _from_8_bit,
    (_PCM, 16): _upper_bytes(2),
    (_PCM, 24): _upper_bytes(3),
    (_PCM, 32): _upper_bytes(4),
    (_FLOAT, 32): _from_float,
}


def _to_mono(pcm: bytes, channels: int) -> bytes:
    if channels == 1:
        return pcm
    samples = samples_of(pcm)
    frames = len(samples) // channels
    lanes = [samples[lane : frames * channels : channels] for lane in range(channels)]
    return pcm_of(sum(frame) // channels for frame in zip(*lanes, strict=True))


def _averaged(old: array[int], count: int) -> Iterator[int]:
    """Means over equal stretches: differences of the running sum, read between its points by a line."""
    sums = [0, *accumulate(old), sum(old)]
    step = len(old) / count if count else 0.0

    def sum_before(position: float) -> float:
        whole = min(int(position), len(old))
        return sums[whole] + (sums[whole + 1] - sums[whole]) * (position - whole)

    return (round((sum_before((i + 1) * step) - sum_before(i * step)) / step) for i in range(count))


def _interpolated(old: array[int], count: int) -> Iterator[int]:
    last = len(old) - 1
    step = len(old) / count
    for i in range(count):
        position = min(i * step, last)
        left = int(position)
        right = min(left + 1, last)
        yield round(old[left] + (old[right] - old[left]) * (position - left))
