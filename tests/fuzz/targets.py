"""What is fuzzed: each target lets its parser raise what it promises, and holds what it reads to an oracle.

Whatever else comes of an input is a finding: a traceback, an endless loop, memory without bound.
"""

import json
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from wsproto.extensions import PerMessageDeflate

from agent.wav import BadWav, read_wav, resample, write_wav
from scheduling import messages as m
from scheduling.audio import (
    InvalidAudio,
    check,
    decode_base64,
    opus_duration_ms,
    opus_index,
    opus_packets,
    quietest_packet,
)
from scheduling.cutter import CutLimits, Cutter
from scheduling.messages.binary import AudioFrame, pack_audio, parse_binary
from scheduling.messages.errors import InvalidMessage
from scheduling.pool_file import PoolFileError, load
from scheduling.setting_tables import parse_table, read_cost, read_priority, read_weight
from tests.fuzz import entering, requests
from web.deflate import Deflate
from web.frames import Close, Event, FrameError, FrameReader, Ping, Pong
from web.handshake import HandshakeError, accept
from web.options import ConnectionOptions

_FRAMES = Path(__file__).parent.parent / "data" / "frames"
_RECORDING = Path(__file__).parent.parent / "data" / "jfk.wav"
_LIMIT = 4096
_RATE = 16_000
#: Of audio a cutter may hold or give at once; well above what a fuzzer's input can be.
_CUT_LIMITS = CutLimits(pause_ms=300, max_duration_ms=120, max_bytes=65_537, tail_ms=50)


@dataclass(frozen=True)
class Target:
    """One parser and what it is given first."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    is_json: bool = False
    """Whether inputs are changed as JSON is."""
    needs_server: bool = False
    """Whether it needs a Valkey."""


def _lines(name: str) -> list[bytes]:
    return (_FRAMES / name).read_bytes().splitlines()


def _message(parse: Callable[[str], Any]) -> Callable[[bytes], None]:
    """A message that is read is written and read again as the same."""

    def run(data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return  # such a frame ends its connection before anything parses it
        try:
            message = parse(text)
        except InvalidMessage as refused:
            assert refused.message.endswith((".", "?")), "no sentence"
            return
        assert parse(m.dump(message)) == message

    return run


def _binary(data: bytes) -> None:
    with suppress(InvalidMessage):
        frame = parse_binary(data)
        if isinstance(frame, AudioFrame):
            packed = pack_audio(
                frame.session_id, frame.seq, frame.audio, is_final=frame.is_final,
                timestamp_ms=frame.clock_ms,
            )  # fmt: skip
            assert parse_binary(packed) == frame


def _frames(data: bytes) -> None:
    """The same events, whole or one byte at a time; no message above the limit."""
    if not data:
        return
    inflate = Deflate(PerMessageDeflate()).inflate if data[0] & 1 else None
    at_once, bytewise = (FrameReader(_LIMIT, inflate) for _ in range(2))
    at_once.feed(data[1:])
    events = _drain(at_once)
    again: list[Event | str] = []
    for byte in data[1:]:
        bytewise.feed(bytes([byte]))
        again += _drain(bytewise)
        if again and isinstance(again[-1], str) and again[-1].startswith("refused"):
            break
    assert [_tag(event) for event in again] == [_tag(event) for event in events]


def _drain(reader: FrameReader) -> list[Event | str]:
    events: list[Event | str] = []
    try:
        while (event := reader.next()) is not None:
            assert isinstance(event, Ping | Pong | Close) or len(event) <= _LIMIT
            events.append(event)
    except FrameError as refused:
        assert len(refused.reason) < 124
        events.append(f"refused {refused.code}")
    return events


def _tag(event: Event | str) -> Any:
    return event if isinstance(event, str | bytes) else tuple(event)


def _handshake(data: bytes) -> None:
    names = ("UPGRADE", "CONNECTION", "SEC_WEBSOCKET_KEY", "SEC_WEBSOCKET_VERSION",
             "SEC_WEBSOCKET_PROTOCOL", "SEC_WEBSOCKET_EXTENSIONS")  # fmt: skip
    values = data.decode("latin-1").split("\n")
    environ = {f"HTTP_{name}": value for name, value in zip(names, values, strict=False) if value}
    with suppress(HandshakeError):
        accepted = accept(environ, ConnectionOptions(deflate=True, subprotocols=("v1",)))
        assert accepted.response.startswith(b"HTTP/1.1 101 ")
        assert b"\r\n\r\n" not in accepted.response[:-4]


def _opus(data: bytes) -> None:
    with suppress(InvalidAudio):
        packets = [bytes(packet) for packet in opus_packets(data)]
        assert b"".join(len(each).to_bytes(2, "little") + each for each in packets) == data
        index = opus_index(data)
        assert opus_duration_ms(data) >= 0
        if index:
            assert 0 <= quietest_packet(index) <= len(data)


def _wav(data: bytes) -> None:
    with suppress(InvalidAudio):
        assert check("wav", data, _RATE) >= 0
    with suppress(BadWav):
        recording = read_wav(data)
        assert read_wav(write_wav(recording)) == recording
        if 8000 <= recording.sample_rate <= 96_000:
            resample(recording, _RATE)


def _base64(data: bytes) -> None:
    with suppress(InvalidAudio):
        decode_base64(data.decode("latin-1"))


def _cutter(data: bytes) -> None:
    """Chunks of a stream at any pace: what comes out is what went in."""
    if len(data) < 2:
        return
    audio_format = "opus" if data[0] & 1 else "pcm16"
    cutter, now_ms, at, taken, given = Cutter(_CUT_LIMITS, audio_format, _RATE), 1000, 1, b"", b""
    seq = 0
    while at + 3 <= len(data):
        wait, size, flags = data[at : at + 3]
        chunk = data[at + 3 : at + 3 + size]
        at, now_ms, seq = at + 3 + size, now_ms + 8 * wait, seq + 1
        if flags & 2:
            given += b"".join(cut.audio for cut in cutter.tick(now_ms))
        try:
            cuts = cutter.add(chunk, seq=seq, is_final=bool(flags & 1), now_ms=now_ms)
        except InvalidAudio:
            return  # the stream has ended: its client is told
        taken += chunk
        given += b"".join(cut.audio for cut in cuts)
        assert all(len(cut.audio) <= _CUT_LIMITS.max_bytes for cut in cuts)
    given += b"".join(cut.audio for cut in cutter.close(now_ms))
    assert taken.startswith(given)
    assert len(taken) - len(given) < 2, "audio was lost"


def _pool_file(data: bytes) -> None:
    path = _scratch() / "pools.toml"
    path.write_bytes(data)
    with suppress(PoolFileError):
        load(path)


@cache
def _scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


def _tables(data: bytes) -> None:
    for read in (read_weight, read_priority, read_cost):
        with suppress(ValueError):
            parse_table(data.decode("latin-1"), read)


def _stream_seeds() -> list[bytes]:
    chunks = [bytes((wait, 8, flags)) + bytes(range(8)) for wait in (0, 5, 50) for flags in range(4)]
    packets = bytes((4, 10, 0)) + b"\x03\x00\x08ab" + b"\x03\x00\x0bcd" + bytes((80, 0, 1))
    return [b"\0" + b"".join(chunks), b"\1" + packets]


_POOLS = b"""
[[pools]]
pool_id = "en-pt"
priority = 10
required_services = ["asr", "nmt", "tts"]
[pools.language_requirements]
asr_languages = ["en"]
tts_languages = ["pt"]
[[tenant_overrides]]
tenant_id = "acme"
pool_id = "en-pt"
"""

TARGETS: dict[str, Target] = {
    "client-message": Target(_message(m.parse_client_message), lambda: _lines("web-client.jsonl"), True),
    "node-message": Target(_message(m.parse_node_message), lambda: _lines("node-agent.jsonl"), True),
    "message-to-node": Target(
        _message(m.parse_server_message_to_node),
        lambda: [json.dumps({"type": "node_status", "node_id": "n", "status": "ready"}).encode()],
        True,
    ),
    "message-to-client": Target(
        _message(m.parse_server_message_to_client),
        lambda: [json.dumps({"type": "error", "code": "INTERNAL_ERROR", "message": "x"}).encode()],
        True,
    ),
    "binary-frame": Target(
        _binary, lambda: [pack_audio("s-1", 7, b"abcd", is_final=last, timestamp_ms=9) for last in (0, 1)]
    ),
    "websocket-frames": Target(
        _frames,
        lambda: [
            b"\0\x81\x85abcd\x09\x07\x0f\x08\x0e",
            b"\1\xc1\x84abcd\x2b\x2b\x63\x64",
            b"\0\x88\x82abcd\x62\x8a",
        ],
    ),
    "handshake": Target(
        _handshake, lambda: [b"websocket\nUpgrade\ndGhlIHNhbXBsZSBub25jZQ==\n13\nv1\npermessage-deflate"]
    ),
    "opus": Target(_opus, lambda: [b"\x03\x00\x08ab\x03\x00\x0bcd", b"\x01\x00\xfb"]),
    "wav": Target(_wav, lambda: [_RECORDING.read_bytes()[:2044]]),
    "base64": Target(_base64, lambda: [b"AAAA", b"AA==", b"A B"]),
    "cutter": Target(_cutter, _stream_seeds),
    "pool-file": Target(_pool_file, lambda: [_POOLS]),
    "setting-tables": Target(_tables, lambda: [b"acme=3,trial=0.5", b"a=high", b"tts=2"]),
    "token": Target(entering.token, entering.seeds_of_tokens),
    "jwt-claims": Target(entering.jwt_claims, entering.seeds_of_claims, True),
    "credential-headers": Target(entering.header, entering.seeds_of_headers),
    "client-enters": Target(
        entering.first_message(m.parse_client_message, "client"),
        lambda: entering.seeds_of_message(_lines("web-client.jsonl")),
        True,
    ),
    "node-enters": Target(
        entering.first_message(m.parse_node_message, "node"),
        lambda: entering.seeds_of_message(_lines("node-agent.jsonl")),
        True,
    ),
    "resume-token": Target(entering.resume, entering.seeds_of_resume, True, needs_server=True),
    "api-request": Target(requests.request, requests.seeds, needs_server=True),
}
