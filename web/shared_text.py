"""A text message for many sockets: encoded, and compressed, once for all of them."""

from __future__ import annotations

from web.deflate import LEAST_BYTES, Deflate
from web.frames import text_frame


class SharedText:
    """What a hundred clients are sent alike; the frames are made when the first of them wants one."""

    __slots__ = ("_frames", "payload")

    def __init__(self, text: str) -> None:
        self.payload = text.encode()
        self._frames: dict[int | None, bytes] = {}

    def frame(self, deflate: Deflate | None) -> bytes:
        """Give the whole frame for a connection with this compression."""
        packed = deflate if len(self.payload) >= LEAST_BYTES else None
        kind = packed.outbound_bits if packed else None
        if kind not in self._frames:
            self._frames[kind] = (
                text_frame(packed.deflate(self.payload), deflated=True)
                if packed
                else text_frame(self.payload)
            )
        return self._frames[kind]
