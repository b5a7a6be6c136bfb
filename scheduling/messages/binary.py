"""Audio in binary frames, for clients that negotiated them: a third smaller than base64 in JSON.

Little-endian: type (1 byte), length L of the session id in bytes (1), seq (4), the low 32 bits of the
client's clock in ms (4); a chunk goes on with is_final (1) and a reserved byte; then the session id in
UTF-8, and behind a chunk's the audio.
"""

import struct
from dataclasses import dataclass, field
from typing import Final

from scheduling.messages.errors import InvalidMessage

CHUNK: Final = 0x01
FINAL: Final = 0x02
PING: Final = 0x10
PONG: Final = 0x11

_HEAD: Final = struct.Struct("<BBII")
_CHUNK_HEAD: Final = struct.Struct("<BBIIBB")
_CLOCK: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """A piece of speech, as `AudioChunk` in JSON; a FINAL frame is one without audio.

    `clock_ms` holds the low 32 bits of the client's clock.
    """

    session_id: str
    seq: int
    is_final: bool
    clock_ms: int
    audio: bytes = field(repr=False)

    def timestamp_ms(self, now_ms: int) -> int:
        """Give the whole of the client's clock, taking it to be within 24 days of ours (`now_ms`)."""
        behind = (now_ms - self.clock_ms + _CLOCK // 2) % _CLOCK - _CLOCK // 2
        return now_ms - behind


@dataclass(frozen=True, slots=True)
class PingFrame:
    """Asks for the same frame as a PONG."""

    pong: bytes


@dataclass(frozen=True, slots=True)
class PongFrame:
    """Answers a PING; it says nothing else."""


BinaryFrame = AudioFrame | PingFrame | PongFrame


def parse_binary(data: bytes) -> BinaryFrame:
    """Read a binary frame. Raises `InvalidMessage` for one that is too short or unknown."""
    kind = data[0] if data else None
    if kind == PING:
        return PingFrame(bytes([PONG]) + data[1:])
    if kind == PONG:
        return PongFrame()
    if kind not in (CHUNK, FINAL):
        stated = "is empty" if kind is None else f"is of type 0x{kind:02x}"
        raise InvalidMessage(f"The binary frame {stated}. Send 0x01 (audio chunk) or 0x02 (final).")
    head = _CHUNK_HEAD if kind == CHUNK else _HEAD
    if len(data) < head.size or len(data) < head.size + data[1]:
        needed = head.size + (data[1] if len(data) > 1 else 1)
        raise InvalidMessage(
            f"The binary frame has {len(data)} bytes, but its head and session id take {needed}. "
            "Send all of it."
        )
    _, length, seq, clock_ms, *rest = head.unpack_from(data)
    audio = data[head.size + length :]
    is_final = kind == FINAL or bool(rest[0])
    if kind == FINAL and audio:
        raise InvalidMessage("A final binary frame holds no audio. Send the audio in a chunk before it.")
    return AudioFrame(_session_id(data[head.size : head.size + length]), seq, is_final, clock_ms, audio)


def pack_audio(session_id: str, seq: int, audio: bytes, *, is_final: bool, timestamp_ms: int) -> bytes:
    """Write a chunk, or a FINAL frame when there is no audio; `seq` and the clock (ms) keep 32 bits.

    Raises `ValueError`: the session id has more than 255 bytes.
    """
    name = session_id.encode()
    if len(name) > 0xFF:
        raise ValueError("a session id of more than 255 bytes fits no binary frame")
    seq, clock_ms = seq % _CLOCK, timestamp_ms % _CLOCK
    if is_final and not audio:
        return _HEAD.pack(FINAL, len(name), seq, clock_ms) + name
    return _CHUNK_HEAD.pack(CHUNK, len(name), seq, clock_ms, is_final, 0) + name + audio


def _session_id(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        pass
    raise InvalidMessage("The binary frame's session id is not UTF-8. Send the one of session_init_ack.")
