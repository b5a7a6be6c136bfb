"""Measure and check the audio that clients send, without decoding it.

Three formats are spoken on the wire:

* ``pcm16``: raw mono samples, signed 16 bit, little-endian;
* ``opus``: packets of RFC 6716, each behind its length as an unsigned 16 bit little-endian number;
* ``wav``: a RIFF file; its header states the rate.

Nothing here needs a codec or a numeric library: an Opus packet tells its duration in its first
byte or two, and finding the quietest moment of half a second of pcm16 costs less than a millisecond.
"""

import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from math import inf
from operator import mul
from typing import Final

import pybase64

Bytes = bytes | bytearray | memoryview

#: Hz. From telephone speech to the full band of Opus; outside it a rate is a mistake, and a rate of
#: a few Hz would let one message become hundreds of thousands of utterances.
MIN_SAMPLE_RATE: Final = 8_000
MAX_SAMPLE_RATE: Final = 48_000

#: Packets in one message: 21 minutes in packets of 20 ms. Reading them holds up the whole process,
#: so the number is bounded, not only the bytes.
MAX_OPUS_PACKETS: Final = 65_536

#: Longest audio one packet may hold (RFC 6716 section 3.2.5, requirement R5), in microseconds.
MAX_OPUS_PACKET_US: Final = 120_000

#: Frame length by the configuration number in the top five bits of the first byte
#: (RFC 6716 table 2), in microseconds: SILK, hybrid, CELT.
_OPUS_FRAME_US: Final = (
    (10_000, 20_000, 40_000, 60_000) * 3 + (10_000, 20_000) * 2 + (2_500, 5_000, 10_000, 20_000) * 4
)

#: A WAV data size from here on is the placeholder of a program that could not seek back to fill it in.
_WAV_UNKNOWN_SIZE: Final = 0x7FFF_0000
#: Chunks before the data of a real file are a handful; a hostile one could hold millions of empty ones.
_WAV_MAX_CHUNKS: Final = 64

#: Steps of the search for the quietest frame, per frame.
_HOPS: Final = 4


class InvalidAudio(ValueError):
    """The audio cannot be read; the text is a sentence for the person who sent it."""


def decode_base64(text: str) -> bytes:
    """Return the bytes of standard padded base64 (RFC 4648 section 4).

    Raises `InvalidAudio` for anything else: other alphabets, white space, missing or early padding.
    """
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidAudio(
            f"The audio is not standard base64 with padding (RFC 4648 section 4): {error}."
        ) from error


def check_sample_rate(sample_rate: int) -> None:
    """Raise `InvalidAudio` unless `sample_rate` (Hz) is one that speech is recorded with."""
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise InvalidAudio(
            f"A sample_rate of {sample_rate} Hz is not supported: "
            f"send pcm16 at {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz, best 16000."
        )


def pcm16_duration_ms(data: Bytes, sample_rate: int) -> int:
    """Return the length of mono pcm16 in whole milliseconds, rounded down; half a sample counts nothing."""
    return len(data) // 2 * 1000 // sample_rate


def opus_packets(data: Bytes) -> Iterator[memoryview]:
    """Yield the packets of length-prefixed Opus, without their lengths and without copying.

    Raises `InvalidAudio` at the first packet that is empty or reaches beyond the end.
    """
    view = memoryview(data)
    position = 0
    while position < len(view):
        start = position + 2
        size = int.from_bytes(view[position:start], "little")
        position = start + size
        if size == 0 or position > len(view):
            raise InvalidAudio(_bad_framing(start - 2, size, len(view)))
        yield view[start:position]


def _bad_framing(at: int, size: int, total: int) -> str:
    problem = "is empty" if size == 0 and at + 2 <= total else f"does not end within the {total} bytes sent"
    return (
        f"The opus packet at byte {at} {problem}: send whole packets, "
        "each behind its length in bytes as an unsigned 16 bit little-endian number."
    )


def opus_packet_us(packet: Bytes) -> int:
    """Return the length of one Opus packet in microseconds, read from its head (RFC 6716 section 3.1).

    Raises `InvalidAudio` when the head breaks the RFC's rules (no frame, more than 120 ms).
    """
    code = packet[0] & 0b11
    if code == 3:
        count = packet[1] & 0b11_1111 if len(packet) > 1 else 0
    else:
        count = 1 if code == 0 else 2
    duration_us = count * _OPUS_FRAME_US[packet[0] >> 3]
    if not 0 < duration_us <= MAX_OPUS_PACKET_US:
        raise InvalidAudio(
            f"An opus packet states {count} frames, {duration_us / 1000:g} ms: 1 frame to 120 ms may be."
        )
    return duration_us


def opus_index(data: Bytes) -> list[tuple[int, int]]:
    """Return (bytes with the length before it, microseconds) of each packet of length-prefixed Opus.

    Raises `InvalidAudio` for broken framing, a broken packet head, or more than `MAX_OPUS_PACKETS`.
    """
    index = [
        (len(packet) + 2, opus_packet_us(packet))
        for packet in islice(opus_packets(data), MAX_OPUS_PACKETS + 1)
    ]
    if len(index) > MAX_OPUS_PACKETS:
        raise InvalidAudio(f"More than {MAX_OPUS_PACKETS} opus packets in one message: send shorter pieces.")
    return index


def opus_duration_ms(data: Bytes) -> int:
    """Return the length of length-prefixed Opus in whole milliseconds, rounded down.

    Raises `InvalidAudio` as `opus_index` does.
    """
    return sum(duration_us for _, duration_us in opus_index(data)) // 1000


def quietest_packet(packets: Sequence[tuple[int, int]], window_ms: int = 500) -> int:
    """Return after how many of `packets` (as of `opus_index`) to cut so that the least speech is harmed.

    The cut falls behind the packet with the fewest bytes per time within the last `window_ms`, the
    latest of equals. Without a decoder that is the best guess: an encoder with a variable rate spends
    little on pauses (on clean speech at 24 kbit/s the packet found is about 8 dB quieter than its
    window, in noise 1 dB); with a constant rate the guess is simply the last packet.
    """
    best, fewest = len(packets), inf
    left_us = window_ms * 1000
    for position in range(len(packets), 0, -1):
        size, duration_us = packets[position - 1]
        left_us -= duration_us
        if left_us < 0:
            break
        if size / duration_us < fewest:
            best, fewest = position, size / duration_us
    return best


def wav_duration_ms(data: Bytes) -> int:
    """Return the length of a WAV file in whole milliseconds, rounded down.

    Raises `InvalidAudio` when it is no WAV file, has no audio in it, or is cut short.
    """
    bytes_per_s = 0
    for name, body in islice(_wav_chunks(memoryview(data)), _WAV_MAX_CHUNKS):
        if name == b"fmt ":
            bytes_per_s = int.from_bytes(body[8:12], "little")
        elif name == b"data" and bytes_per_s:
            return len(body) * 1000 // bytes_per_s
    raise InvalidAudio("The wav file lacks its 'fmt ' chunk with a byte rate, or its 'data' chunk after it.")


def _wav_chunks(file: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    if bytes(file[:4]) != b"RIFF" or bytes(file[8:12]) != b"WAVE":
        raise InvalidAudio("This is not a wav file: it must begin with RIFF, a size, and WAVE.")
    position = 12
    while position + 8 <= len(file):
        name = bytes(file[position : position + 4])
        size = int.from_bytes(file[position + 4 : position + 8], "little")
        start = position + 8
        if name == b"data" and size >= _WAV_UNKNOWN_SIZE:
            size = len(file) - start
        if start + size > len(file):
            raise InvalidAudio(
                f"The wav file is cut short: of a chunk of {size} bytes only {len(file) - start} came."
            )
        yield name, file[start : start + size]
        position = start + size + size % 2


def _checked_pcm16_ms(data: Bytes, sample_rate: int) -> int:
    check_sample_rate(sample_rate)
    if len(data) % 2:
        raise InvalidAudio(
            f"pcm16 has two bytes a sample, but {len(data)} bytes came: the last sample is cut in half."
        )
    return pcm16_duration_ms(data, sample_rate)


_CHECKS: Final[dict[str, Callable[[Bytes, int], int]]] = {
    "pcm16": _checked_pcm16_ms,
    "wav": lambda data, _: wav_duration_ms(data),
    "opus": lambda data, _: opus_duration_ms(data),
}


def check(audio_format: str, data: Bytes, sample_rate: int) -> int:
    """Check a whole recording and return its length in whole milliseconds (0 for no audio).

    `sample_rate` (Hz) matters to pcm16 alone: the other formats state their own.
    Raises `InvalidAudio` for an unknown format or audio that cannot be read as what it claims to be.
    """
    measure = _CHECKS.get(audio_format)
    if measure is None:
        raise InvalidAudio(
            f"The audio_format {audio_format[:32]!r} is not known: send one of {', '.join(_CHECKS)}."
        )
    return measure(data, sample_rate)


def quietest_cut(pcm: Bytes, sample_rate: int, window_ms: int = 500, frame_ms: int = 20) -> int:
    """Return the byte offset at which to cut pcm16 so that the least speech is harmed.

    It is the middle of the quietest `frame_ms` within the last `window_ms`, the latest of several
    equally quiet ones; the end of the last whole sample when there is not even one frame.
    Quiet means little variance, not little energy, so a microphone's constant offset does not matter.
    """
    total = len(pcm) // 2
    hop = sample_rate * frame_ms // 1000 // _HOPS
    first = max(0, total - sample_rate * window_ms // 1000)
    moments = _moments(_samples(pcm[2 * first : 2 * total]), hop)
    starts = range(len(moments) - _HOPS, -1, -1)
    if not starts:
        return 2 * total
    best = min(starts, key=lambda start: _variance(moments[start : start + _HOPS], hop))
    return 2 * (first + (best + _HOPS // 2) * hop)


def _samples(pcm: Bytes) -> "array[int]":
    samples = array("h")
    samples.frombytes(pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _moments(samples: "array[int]", hop: int) -> list[tuple[int, int]]:
    """Sum and sum of squares of each whole hop: each sample is looked at once, frames overlap for free."""
    pieces = (samples[at : at + hop] for at in range(0, len(samples) - hop + 1, hop))
    return [(sum(piece), sum(map(mul, piece, piece))) for piece in pieces]


def _variance(moments: list[tuple[int, int]], hop: int) -> int:
    """Variance of a frame, times the square of its length: whole numbers compare exactly."""
    total = sum(moment[0] for moment in moments)
    squares = sum(moment[1] for moment in moments)
    return len(moments) * hop * squares - total * total
