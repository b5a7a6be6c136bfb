"""A message for many sockets is the same on the wire as one sent to each, and is made once."""

import json
import zlib

from wsproto.extensions import PerMessageDeflate

from web.deflate import Deflate
from web.frames import text_frame
from web.shared_text import SharedText


def _deflate() -> Deflate:
    return Deflate(PerMessageDeflate(client_no_context_takeover=True, server_no_context_takeover=True))


def test_plain_frame_is_made_once() -> None:
    shared = SharedText("olá")
    assert shared.frame(None) == text_frame("olá".encode())
    assert shared.frame(None) is shared.frame(_deflate()), "too small to compress"


def test_compressed_frame_is_made_once_for_all_alike() -> None:
    text = json.dumps(["word"] * 1000)
    shared = SharedText(text)
    packed = shared.frame(_deflate())
    assert packed is shared.frame(_deflate())
    assert len(packed) < len(shared.frame(None))
    payload = packed[4:] if packed[1] == 126 else packed[2:]
    assert zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff") == text.encode()
