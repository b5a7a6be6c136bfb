"""WebSocket frames as a load generator needs them: whole text messages out, whole messages in.

Clients must mask. A key of zeros is a legal key that leaves the payload as it is; the server's unmasking
costs it the same as with any other.
"""

import struct

HANDSHAKE = (
    b"GET %s HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
_NO_MASK = bytes(4)
_SHORT, _LONG = struct.Struct("!BBH4x"), struct.Struct("!BBQ4x")


class Refused(Exception):
    """The server did not take the handshake, or sent what no server of ours sends."""


def masked(payload: bytes, first: int = TEXT) -> bytes:
    """Frame a message as a client does."""
    size = len(payload)
    if size < 126:
        return bytes((first, 0x80 | size)) + _NO_MASK + payload
    if size < 65536:
        return _SHORT.pack(first, 0xFE, size) + payload
    return _LONG.pack(first, 0xFF, size) + payload


def unmasked(payload: bytes, first: int = TEXT) -> bytes:
    """Frame a message as a server does."""
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65536:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def take(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Split what was received into whole frames (first byte, payload) and the rest.

    Takes masked frames with a key of zeros as well, for servers that only our own generators talk to.
    """
    frames = []
    at, end = 0, len(data)
    while end - at >= 2:
        first, size = data[at], data[at + 1] & 0x7F
        start = at + 2
        if size == 126:
            size, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
        elif size == 127:
            size, start = int.from_bytes(data[at + 2 : at + 10]), at + 10
        if data[at + 1] & 0x80:
            start += 4
        if start + size > end:
            break
        frames.append((first, data[start : start + size]))
        at = start + size
    return frames, data[at:] if at else data


def text_of(payload: bytes, opening: bytes) -> bytes:
    """Give what stands between `opening` and the next quotation mark, without reading the JSON around it."""
    start = payload.index(opening) + len(opening)
    return payload[start : payload.index(b'"', start)]


def number_of(payload: bytes, opening: bytes) -> bytes:
    """Give the digits behind `opening`."""
    end = start = payload.index(opening) + len(opening)
    while payload[end] in b"0123456789":
        end += 1
    return payload[start:end]
