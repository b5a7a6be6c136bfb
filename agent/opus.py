"""Opus as the protocol frames it: [u16 little-endian length][packet], repeated; mono at 16 kHz.

Needs ``opuslib_next``, which carries libopus and comes with the extra ``speech``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import opuslib_next

from agent.wav import SAMPLE_BYTES, Recording

SAMPLE_RATE = 16_000
#: Clients play 20 ms packets.
_FRAME = SAMPLE_RATE * 20 // 1000
#: The longest packet is 120 ms (RFC 6716, 2.1.4); the decoder must be given room for it.
_LONGEST = SAMPLE_RATE * 120 // 1000


class BadOpus(ValueError):
    """The data is not framed Opus; the message says where it goes wrong."""


def packets(data: bytes) -> Iterator[bytes]:
    """Yield the packets of framed data. Raises `BadOpus`: one is empty, or the last is cut off."""
    offset = 0
    while offset < len(data):
        length = int.from_bytes(data[offset : offset + 2], "little")
        packet = data[offset + 2 : offset + 2 + length]
        if not length or len(packet) < length:
            raise BadOpus(
                f"the Opus audio breaks off at byte {offset} of {len(data)}: each packet is a 2-byte "
                "little-endian length and as many bytes"
            )
        yield packet
        offset += 2 + length


def decode(data: bytes) -> Recording:
    """Decode framed packets. Raises `BadOpus`: the framing or a packet is wrong."""
    decoder = opuslib_next.Decoder(SAMPLE_RATE, 1)
    try:
        pcm = b"".join(decoder.decode(packet, _LONGEST) for packet in packets(data))
    except opuslib_next.OpusError as error:
        raise BadOpus(f"the Opus audio cannot be decoded: {error}") from error
    return Recording(pcm, SAMPLE_RATE)


def encode(recording: Recording) -> bytes:
    """Encode and frame a recording of 16 kHz; the last packet is filled up with silence."""
    encoder = opuslib_next.Encoder(SAMPLE_RATE, 1, "voip")
    size = _FRAME * SAMPLE_BYTES
    pcm = recording.pcm + bytes(-len(recording.pcm) % size)
    frames = (encoder.encode(pcm[at : at + size], _FRAME) for at in range(0, len(pcm), size))
    return b"".join(struct.pack("<H", len(frame)) + frame for frame in frames)
