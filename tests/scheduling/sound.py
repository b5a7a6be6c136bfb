"""Sound for tests: opus packets that are honest about their length, and pcm16 one can recognise."""

import random
from array import array
from itertools import repeat
from math import pi, sin

#: First byte of the packets the existing web client sends: SILK wide band, 20 ms, one frame.
TOC_20_MS = 0x48
#: CELT, 2.5 ms and 5 ms, one frame: the shortest there are.
TOC_2_5_MS = 16 << 3
TOC_5_MS = 17 << 3


def framed(*packets: bytes) -> bytes:
    """Each packet behind its length."""
    return b"".join(len(packet).to_bytes(2, "little") + packet for packet in packets)


def opus(duration_ms: int, packet_bytes: int = 60) -> bytes:
    """Length-prefixed packets of 20 ms and equal size, as of a constant rate encoder."""
    return framed(*repeat(bytes([TOC_20_MS]) + bytes(packet_bytes - 1), duration_ms // 20))


def noise(size: int, seed: int = 0) -> bytes:
    """`size` bytes that occur nowhere twice."""
    return random.Random(seed).randbytes(size)


def tone(duration_ms: int, sample_rate: int = 16_000, loudness: int = 8_000) -> bytes:
    """A tone of 200 Hz as pcm16."""
    count = sample_rate * duration_ms // 1000
    return array("h", (round(loudness * sin(2 * pi * 200 * n / sample_rate)) for n in range(count))).tobytes()
