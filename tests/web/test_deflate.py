"""Compression within bounds."""

from __future__ import annotations

import zlib
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.extensions import PerMessageDeflate

from tests.web.raw_peer import BINARY, TEXT, frame
from tests.web.socket_pair import socket_pair
from web.close_codes import CloseCode
from web.connection import ConnectionOptions
from web.deflate import LEAST_BYTES, Deflate, offer
from web.frames import FrameError, FrameReader

OFFER = {"Sec-WebSocket-Extensions": "permessage-deflate"}
COMPRESSED_TEXT, COMPRESSED_BINARY = TEXT | 0x40, BINARY | 0x40


def agreed(**parameters: int) -> Deflate:
    return Deflate(PerMessageDeflate(**cast(Any, parameters)))


@given(st.binary(max_size=5000), st.integers(9, 15))
def test_what_is_deflated_inflates_to_itself(message: bytes, bits: int) -> None:
    deflate = agreed(client_max_window_bits=bits, server_max_window_bits=bits)
    assert deflate.inflate(deflate.deflate(message), len(message)) == message


def test_inflating_stops_at_the_limit() -> None:
    deflate = agreed()
    packed = deflate.deflate(bytes(100_000))
    assert deflate.inflate(packed, 100_000) == bytes(100_000)
    with pytest.raises(FrameError) as refused:
        deflate.inflate(packed, 99_999)
    assert refused.value.code == CloseCode.MESSAGE_TOO_BIG


@given(st.binary(max_size=200))
def test_rubbish_is_refused_or_is_data(payload: bytes) -> None:
    try:
        assert len(agreed().inflate(payload, 1000)) <= 1000
    except FrameError as refused:
        assert refused.code in (CloseCode.INVALID_TEXT, CloseCode.MESSAGE_TOO_BIG)


def test_only_messages_worth_it_are_compressed() -> None:
    with socket_pair(ConnectionOptions(deflate=True), OFFER) as (connection, peer):
        connection.send("x" * (LEAST_BYTES - 1))
        connection.send("x" * LEAST_BYTES)
        connection.send(b"x" * LEAST_BYTES)
        assert peer.read() == (TEXT, b"x" * (LEAST_BYTES - 1))
        for first in (COMPRESSED_TEXT, COMPRESSED_BINARY):
            got, payload = peer.read()
            assert (got, len(payload) < 100) == (first, True)
            assert zlib.decompressobj(-15).decompress(payload) == b"x" * LEAST_BYTES


def test_compressed_messages_come_whole_and_in_parts() -> None:
    packed = agreed().deflate("olá ".encode() * 500)
    with socket_pair(ConnectionOptions(deflate=True), OFFER) as (connection, peer):
        peer.send(COMPRESSED_TEXT, packed)
        peer.sock.sendall(frame(0x41, packed[:5]) + frame(0x80, packed[5:]))
        peer.text("plain")
        assert [connection.receive(10.0) for _ in range(3)] == ["olá " * 500, "olá " * 500, "plain"]


def test_a_peer_that_does_not_offer_it_gets_none() -> None:
    with socket_pair(ConnectionOptions(deflate=True)) as (connection, peer):
        connection.send("x" * LEAST_BYTES)
        assert peer.read() == (TEXT, b"x" * LEAST_BYTES)


def test_only_the_first_frame_of_a_message_may_say_it_is_compressed() -> None:
    reader = FrameReader(1000, agreed().inflate)
    reader.feed(frame(0x41, b"x") + frame(0xC0, b"y"))
    with pytest.raises(FrameError):
        reader.next()


def test_neither_side_keeps_a_window() -> None:
    assert offer().accept("permessage-deflate") == "client_no_context_takeover; server_no_context_takeover"
