"""Binary frames: what is written, to the byte, and everything that may be wrong with what is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.messages import InvalidMessage
from scheduling.messages.binary import AudioFrame, PingFrame, PongFrame, pack_audio, parse_binary

NOW_MS = 1_795_472_006_137


def test_frames_to_the_byte() -> None:
    chunk = bytes.fromhex("01 03 07000000 f9ffffff 01 00") + b"s-1" + b"\x01\x02"
    assert parse_binary(chunk) == AudioFrame("s-1", 7, True, 2**32 - 7, b"\x01\x02")
    final = bytes.fromhex("02 03 07000000 01000000") + b"s-1"
    assert parse_binary(final) == AudioFrame("s-1", 7, True, 1, b"")
    assert pack_audio("s-1", 7, b"\x01\x02", is_final=True, timestamp_ms=-7) == chunk
    assert pack_audio("s-1", 7, b"", is_final=True, timestamp_ms=1) == final


def test_pings_and_pongs() -> None:
    assert parse_binary(b"\x10abc") == PingFrame(b"\x11abc")
    assert parse_binary(b"\x11abc") == PongFrame()


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (b"", "empty"),
        (b"\x03abc", "0x03"),
        (b"\x01", "1 bytes, but its head and session id take 13"),
        (b"\x01\x04" + bytes(10) + b"s-1", "15 bytes, but its head and session id take 16"),
        (b"\x02\x04" + bytes(8) + b"s-1", "13 bytes, but its head and session id take 14"),
        (b"\x02\x01" + bytes(8) + b"s.", "holds no audio"),
        (b"\x01\x01" + bytes(10) + b"\xff", "not UTF-8"),
    ],
)
def test_broken_frames_are_refused_with_a_sentence(frame: bytes, says: str) -> None:
    with pytest.raises(InvalidMessage, match=says):
        parse_binary(frame)


def test_a_session_id_too_long_for_its_length_byte() -> None:
    with pytest.raises(ValueError, match="255"):
        pack_audio("s" * 256, 0, b"", is_final=True, timestamp_ms=0)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        frame = parse_binary(data)
    except InvalidMessage:
        return
    if isinstance(frame, AudioFrame):
        assert frame.audio == b"" or data.endswith(frame.audio)


@given(
    name=st.text(max_size=40),
    seq=st.integers(0, 2**32 - 1),
    audio=st.binary(max_size=40),
    is_final=st.booleans(),
    apart_ms=st.integers(-(2**31) + 1, 2**31 - 1),
)
def test_what_is_written_reads_the_same(
    name: str, seq: int, audio: bytes, is_final: bool, apart_ms: int
) -> None:
    data = pack_audio(name, seq, audio, is_final=is_final, timestamp_ms=NOW_MS + apart_ms)
    frame = parse_binary(data)
    assert isinstance(frame, AudioFrame)
    assert (frame.session_id, frame.seq, frame.audio) == (name, seq, audio)
    assert frame.is_final == is_final
    assert frame.timestamp_ms(NOW_MS) == NOW_MS + apart_ms
