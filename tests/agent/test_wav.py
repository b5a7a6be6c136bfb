"""WAV files and resampling without numpy."""

import math
import struct
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wav import BadWav, Recording, join, pcm_of, read_wav, resample, samples_of, write_wav

DATA = Path(__file__).parent.parent / "data"

samples = st.lists(st.integers(-32768, 32767), max_size=300)
rates = st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000])


def wav(body: bytes, *, tag: int = 1, channels: int = 1, rate: int = 16_000, bits: int = 16) -> bytes:
    block = channels * bits // 8
    layout = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits)
    chunks = b"fmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


@given(samples, rates)
def test_what_is_written_is_read_again(values: list[int], rate: int) -> None:
    recording = Recording(pcm_of(values), rate)
    assert read_wav(write_wav(recording)) == recording


@pytest.mark.parametrize("name", ["jfk.wav", "austen-0870.wav", "austen-0880.wav"])
def test_reads_recordings_as_the_standard_library_does(name: str) -> None:
    with wave.open(str(DATA / name)) as file:
        expected = file.readframes(file.getnframes())
    assert read_wav((DATA / name).read_bytes()) == Recording(expected, 16_000)


@given(samples)
def test_every_width_reads_as_its_upper_16_bits(values: list[int]) -> None:
    wide = b"".join(struct.pack("<i", value << 16 | 0x7A5C) for value in values)
    assert list(samples_of(read_wav(wav(wide, bits=32)).pcm)) == values
    narrow = b"".join(struct.pack("<i", value << 16)[1:] for value in values)
    assert list(samples_of(read_wav(wav(narrow, bits=24)).pcm)) == values


def test_reads_8_bit_and_float_samples() -> None:
    assert list(samples_of(read_wav(wav(bytes([0, 128, 255]), bits=8)).pcm)) == [-32768, 0, 32512]
    floats = struct.pack("<5f", -1.0, 0.0, 1.0, 7.0, math.nan)
    assert list(samples_of(read_wav(wav(floats, tag=3, bits=32)).pcm)) == [-32767, 0, 32767, 32767, 0]


def test_reads_the_extensible_layout() -> None:
    layout = struct.pack("<HHIIHHHHIH", 0xFFFE, 1, 8000, 16000, 2, 16, 22, 16, 4, 1) + bytes(14)
    chunks = b"fmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", 4) + b"abcd"
    assert read_wav(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks) == Recording(
        b"abcd", 8000
    )


@given(st.lists(st.tuples(*[st.integers(-32768, 32767)] * 3), max_size=100))
def test_channels_become_their_mean(frames: list[tuple[int, int, int]]) -> None:
    body = pcm_of(value for frame in frames for value in frame)
    read = read_wav(wav(body + b"\x01", channels=3))
    assert list(samples_of(read.pcm)) == [sum(frame) // 3 for frame in frames]


def test_reads_a_stream_whose_header_does_not_know_its_length() -> None:
    data = write_wav(Recording(b"abcdef", 16_000))
    endless = data.replace(struct.pack("<4sI", b"data", 6), struct.pack("<4sI", b"data", 0xFFFFFFFF))
    assert read_wav(endless).pcm == b"abcdef"


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "does not begin with RIFF"),
        (b"ID3\x03 some music", "does not begin with RIFF"),
        (b"RIFF\x04\x00\x00\x00WAVE", "without its fmt or data"),
        (wav(b"ab", channels=0), "no channels"),
        (wav(b"ab", rate=0), "no sample rate"),
        (wav(b"ab", rate=1_000_000), "rate of 1000000 Hz"),
        (wav(b"ab", tag=0x55), "format 0x0055"),
        (wav(b"ab", bits=12), "12 bits"),
    ],
)
def test_says_what_is_wrong_with_a_file(data: bytes, complaint: str) -> None:
    with pytest.raises(BadWav, match=complaint):
        read_wav(data)


@given(st.binary(max_size=200))
def test_never_fails_in_another_way(tail: bytes) -> None:
    for data in (tail, b"RIFF\0\0\0\0WAVE" + tail, b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + tail):
        try:
            read_wav(data)
        except BadWav:
            continue


@given(samples, rates, rates)
def test_resampling_keeps_the_length_and_the_range(values: list[int], rate: int, new_rate: int) -> None:
    changed = resample(Recording(pcm_of(values), rate), new_rate)
    made = samples_of(changed.pcm)
    assert changed.sample_rate == new_rate
    assert len(made) == round(len(values) * new_rate / rate)
    if made:
        assert min(values) <= min(made) and max(made) <= max(values)


@given(st.integers(-32768, 32767), st.integers(1, 500), rates, rates)
def test_resampling_leaves_a_constant_alone(value: int, count: int, rate: int, new_rate: int) -> None:
    changed = resample(Recording(pcm_of([value] * count), rate), new_rate)
    assert set(samples_of(changed.pcm)) <= {value}


@pytest.mark.parametrize("new_rate", [8_000, 11_025, 22_050, 48_000])
def test_a_tone_is_the_same_tone_after_resampling(new_rate: int) -> None:
    rate, hz = 16_000, 200.0
    tone = [round(20_000 * math.sin(2 * math.pi * hz * i / rate)) for i in range(rate // 4)]
    made = samples_of(resample(Recording(pcm_of(tone), rate), new_rate).pcm)
    # Going down, a sample is the mean of what it covers, which is the tone in the middle of that.
    shift = (new_rate < rate) * 0.5 * (1 / new_rate - 1 / rate)
    expected = [20_000 * math.sin(2 * math.pi * hz * (i / new_rate + shift)) for i in range(len(made))]
    inner = slice(2, -8)
    assert max(abs(a - b) for a, b in zip(made[inner], expected[inner], strict=True)) < 1000


def test_joins_at_the_rate_of_the_first() -> None:
    joined = join([Recording(pcm_of([5] * 100), 8_000), Recording(pcm_of([7] * 100), 16_000)])
    assert joined.sample_rate == 8_000
    assert list(samples_of(joined.pcm)) == [5] * 100 + [7] * 50
    with pytest.raises(ValueError, match="no recordings"):
        join([])
