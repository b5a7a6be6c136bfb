"""The frame reader, against wsproto's client and against everything a hostile one might send."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import BytesMessage, CloseConnection, TextMessage
from wsproto.events import Ping as WsprotoPing

from tests.web.raw_peer import BINARY, CLOSE, PING, PONG, TEXT, frame
from web.close_codes import CloseCode
from web.frames import (
    MAX_REASON_BYTES,
    Close,
    Event,
    FrameError,
    FrameReader,
    Ping,
    Pong,
    binary_frame,
    close_frame,
    pong_frame,
    text_frame,
)

LIMIT = 200_000

#: Sizes on both sides of each way to state one.
sizes = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000]) | st.integers(0, 300)
payloads = st.binary(max_size=300) | sizes.map(lambda size: bytes(size))
texts = st.text(max_size=200) | sizes.map(lambda size: "ü" * (size // 2))


def read_all(wire: bytes, cuts: list[int] | None = None, limit: int = LIMIT) -> list[Event]:
    """What the reader makes of some bytes that come in pieces."""
    reader, events = FrameReader(limit), []
    edges = [0, *sorted(cut % (len(wire) + 1) for cut in cuts or []), len(wire)]
    for start, end in pairwise(edges):
        reader.feed(wire[start:end])
        while (event := reader.next()) is not None:
            events.append(event)
    return events


def _part(data: str | bytes, *, is_last: bool) -> TextMessage | BytesMessage:
    kind = TextMessage if isinstance(data, str) else BytesMessage
    return kind(data=data, message_finished=is_last)  # type: ignore[arg-type]


@st.composite
def conversations(draw: st.DrawFn) -> tuple[bytes, list[Event]]:
    """What wsproto's client puts on the wire for some messages, fragmented and with pings between, and what
    they were."""
    client, wire = Connection(ConnectionType.CLIENT), b""
    expected: list[Event] = []
    for message in draw(st.lists(texts | payloads, max_size=5)):
        half = draw(st.integers(0, len(message)))
        if draw(st.booleans()):
            wire += client.send(_part(message, is_last=True))
        else:
            wire += client.send(_part(message[:half], is_last=False))
            if draw(st.booleans()):
                wire += client.send(WsprotoPing(payload=b"alive?"))
                expected.append(Ping(b"alive?"))
            wire += client.send(_part(message[half:], is_last=True))
        expected.append(message)
    return wire, expected


@given(conversations(), st.lists(st.integers(min_value=0), max_size=8))
def test_it_reads_what_wsproto_writes_however_it_arrives(
    conversation: tuple[bytes, list[Event]], cuts: list[int]
) -> None:
    wire, expected = conversation
    assert read_all(wire, cuts) == expected


@given(conversations())
def test_it_reads_one_byte_at_a_time_like_all_at_once(conversation: tuple[bytes, list[Event]]) -> None:
    wire, expected = conversation
    assert read_all(wire[:400], list(range(400))) == read_all(wire[:400])
    assert read_all(wire) == expected


@given(texts | payloads)
def test_wsproto_reads_what_it_writes(message: str | bytes) -> None:
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(text_frame(message.encode()) if isinstance(message, str) else binary_frame(message))
    (event,) = client.events()
    assert isinstance(event, TextMessage | BytesMessage)
    assert (event.data, event.message_finished) == (message, True)


@given(st.integers(3000, 4999), st.text(max_size=200))
def test_wsproto_reads_its_close_frames_with_a_reason_cut_between_characters(code: int, reason: str) -> None:
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(close_frame(code, reason))
    (event,) = client.events()
    assert isinstance(event, CloseConnection)
    assert event.code == code
    assert event.reason is not None
    assert reason.startswith(event.reason)
    assert len(event.reason.encode()) > min(MAX_REASON_BYTES - 4, len(reason.encode()) - 1)


@given(st.binary(max_size=400), st.integers(125, 300))
def test_nothing_a_peer_sends_raises_anything_else(wire: bytes, limit: int) -> None:
    try:
        events = read_all(wire, list(range(0, 400, 7)), limit)
    except FrameError as error:
        assert error.code in (
            CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_TEXT, CloseCode.MESSAGE_TOO_BIG,
        )  # fmt: skip
    else:
        assert all(len(event) <= limit for event in events if isinstance(event, str | bytes))


def test_control_frames() -> None:
    wire = frame(PING, b"a") + frame(PONG, b"b") + frame(CLOSE, b"\x03\xe8bye") + frame(CLOSE)
    assert read_all(wire) == [Ping(b"a"), Pong(b"b"), Close(1000, "bye"), Close(CloseCode.NO_STATUS, "")]
    assert pong_frame(b"a") == b"\x8a\x01a"


ILLEGAL = {
    "a frame that is not masked": (frame(TEXT, b"x", mask=None), CloseCode.PROTOCOL_ERROR, "not masked"),
    "reserved bit 1 without compression": (frame(0xC1), CloseCode.PROTOCOL_ERROR, "reserved bits"),
    "reserved bit 2": (frame(0xA1), CloseCode.PROTOCOL_ERROR, "reserved bits"),
    "reserved bit 3": (frame(0x91), CloseCode.PROTOCOL_ERROR, "reserved bits"),
    "an opcode for data that does not exist": (frame(0x83), CloseCode.PROTOCOL_ERROR, "opcode 0x3"),
    "an opcode for control that does not exist": (frame(0x8B), CloseCode.PROTOCOL_ERROR, "opcode 0xb"),
    "a ping in two parts": (frame(0x09), CloseCode.PROTOCOL_ERROR, "fragmented"),
    "a ping too long": (frame(PING, bytes(126)), CloseCode.PROTOCOL_ERROR, "longer than 125"),
    "a length in 2 bytes that needs none": (
        bytes((BINARY, 0xFE)) + struct.pack("!H", 125) + bytes(4), CloseCode.PROTOCOL_ERROR, "125 bytes",
    ),
    "a length in 8 bytes that needs 2": (
        bytes((BINARY, 0xFF)) + struct.pack("!Q", 65_535) + bytes(4), CloseCode.PROTOCOL_ERROR, "wrongly",
    ),
    "a length with its sign bit": (
        bytes((BINARY, 0xFF)) + struct.pack("!Q", 1 << 63) + bytes(4), CloseCode.PROTOCOL_ERROR, "wrongly",
    ),
    "a continuation of nothing": (frame(0x80, b"x"), CloseCode.PROTOCOL_ERROR, "continuation"),
    "a message within a message": (frame(0x01) + frame(TEXT), CloseCode.PROTOCOL_ERROR, "before the one"),
    "half a close code": (frame(CLOSE, b"\x03"), CloseCode.PROTOCOL_ERROR, "half a code"),
    "a close code nobody may send": (frame(CLOSE, b"\x03\xee"), CloseCode.PROTOCOL_ERROR, "1006"),
    "a close code out of range": (frame(CLOSE, b"\x00\x00"), CloseCode.PROTOCOL_ERROR, "code 0"),
    "a close code not assigned": (frame(CLOSE, b"\x07\xd0"), CloseCode.PROTOCOL_ERROR, "2000"),
    "a close reason that is not UTF-8": (frame(CLOSE, b"\x03\xe8\xff"), CloseCode.INVALID_TEXT, "UTF-8"),
    "text that is not UTF-8": (frame(TEXT, b"ok\xff"), CloseCode.INVALID_TEXT, "byte 2 of 3"),
    "text with a surrogate": (frame(TEXT, b"\xed\xa0\x80"), CloseCode.INVALID_TEXT, "UTF-8"),
    "text that ends within a character": (frame(TEXT, b"\xc3"), CloseCode.INVALID_TEXT, "UTF-8"),
    "a message above the limit": (frame(BINARY, bytes(LIMIT + 1)), CloseCode.MESSAGE_TOO_BIG, str(LIMIT)),
    "fragments above the limit": (
        frame(0x02, bytes(LIMIT)) + frame(0x80, b"x"), CloseCode.MESSAGE_TOO_BIG, str(LIMIT),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ILLEGAL)
def test_what_breaks_the_protocol_has_its_code_and_says_what_is_wrong(case: str) -> None:
    wire, code, words = ILLEGAL[case]
    with pytest.raises(FrameError) as refused:
        read_all(wire)
    assert refused.value.code == code
    assert words in refused.value.reason


def test_a_message_too_big_is_refused_before_it_has_come() -> None:
    reader = FrameReader(LIMIT)
    reader.feed(frame(0x02, bytes(LIMIT - 10)) + bytes((0x80, 0xFE)) + struct.pack("!H", 200) + bytes(4))
    with pytest.raises(FrameError):
        reader.next()


def test_a_message_of_the_limit_passes_whole_and_in_parts() -> None:
    message = bytes(LIMIT)
    assert read_all(frame(BINARY, message)) == [message]
    assert read_all(frame(0x02, message[:100]) + frame(0x80, message[100:])) == [message]
