"""permessage-deflate (RFC 7692) without memory between messages, and with a bound on what one inflates to.

Neither side keeps its window from one message to the next (`*_no_context_takeover`): a socket that keeps both
costs 100 KB more while idle. Nodes never get it, audio does not compress.
"""

from __future__ import annotations

import zlib

from wsproto.extensions import PerMessageDeflate

from web.close_codes import CloseCode
from web.frames import FrameError, too_big

#: Payloads below this many bytes go out as they are: compressing them saves less than it costs.
LEAST_BYTES = 1024

#: What RFC 7692 7.2.1 cuts off each message: the end of an empty stored block.
_TAIL = b"\x00\x00\xff\xff"


def offer() -> PerMessageDeflate:
    """Give wsproto the extension to negotiate: no context takeover in either direction."""
    return PerMessageDeflate(client_no_context_takeover=True, server_no_context_takeover=True)


class Deflate:
    """The negotiated compression of one connection; stateless between messages."""

    __slots__ = ("_inbound_bits", "outbound_bits")

    def __init__(self, agreed: PerMessageDeflate) -> None:
        self._inbound_bits = -agreed.client_max_window_bits
        self.outbound_bits = -agreed.server_max_window_bits

    def deflate(self, payload: bytes) -> bytes:
        """Compress one message."""
        packer = zlib.compressobj(zlib.Z_BEST_SPEED, zlib.DEFLATED, self.outbound_bits)
        packed = packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH)
        return packed.removesuffix(_TAIL)

    def inflate(self, payload: bytes, limit_bytes: int) -> bytes:
        """Inflate one message; stops at the limit, so a bomb takes no more memory than a legal one.

        Raises FrameError: too big, or not deflate at all.
        """
        try:
            whole = zlib.decompressobj(self._inbound_bits).decompress(payload + _TAIL, limit_bytes + 1)
        except zlib.error:
            raise FrameError(CloseCode.INVALID_TEXT, "A compressed message does not inflate") from None
        if len(whole) > limit_bytes:
            raise too_big(limit_bytes)
        return whole
