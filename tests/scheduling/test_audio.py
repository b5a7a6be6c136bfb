"""Durations, framing and the quiet place to cut."""

import base64
import io
import wave
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.audio import (
    MAX_OPUS_PACKETS,
    InvalidAudio,
    check,
    decode_base64,
    opus_duration_ms,
    opus_index,
    opus_packet_us,
    opus_packets,
    pcm16_duration_ms,
    quietest_cut,
    quietest_packet,
    wav_duration_ms,
)
from tests.scheduling.sound import TOC_2_5_MS, TOC_20_MS, framed, opus, tone


def wav(frames: bytes, sample_rate: int = 16_000, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(sample_rate)
        writer.writeframes(frames)
    return file.getvalue()


class TestBase64:
    @given(st.binary())
    def test_standard_base64_is_read(self, data: bytes) -> None:
        assert decode_base64(base64.b64encode(data).decode()) == data

    @pytest.mark.parametrize(
        "text",
        ["A", "QQ", "QQ=", "Q=Q=", "=QQ=", "QQ==QQ==", "QU JD", "QUJD\n", "-_-_", "音频", "\ud800", "{}"],
    )
    def test_anything_else_is_refused_with_a_sentence(self, text: str) -> None:
        with pytest.raises(InvalidAudio, match=r"^The audio is not standard base64 with padding .*\.$"):
            decode_base64(text)


class TestPcm16:
    def test_duration_is_samples_over_rate(self) -> None:
        assert pcm16_duration_ms(bytes(32_000), 16_000) == 1_000
        assert pcm16_duration_ms(bytes(33), 16_000) == 1

    def test_half_a_sample_at_the_end_of_a_recording_is_refused(self) -> None:
        with pytest.raises(InvalidAudio, match="cut in half"):
            check("pcm16", bytes(3), 16_000)

    @pytest.mark.parametrize("sample_rate", [0, 1, 7_999, 48_001, 2**32 - 1])
    def test_a_rate_nobody_records_at_is_refused(self, sample_rate: int) -> None:
        with pytest.raises(InvalidAudio, match="sample_rate"):
            check("pcm16", bytes(2), sample_rate)


class TestOpusFraming:
    @given(st.lists(st.binary(min_size=1, max_size=400)))
    def test_packets_come_back(self, packets: list[bytes]) -> None:
        assert [bytes(packet) for packet in opus_packets(framed(*packets))] == packets

    @given(st.lists(st.binary(min_size=1, max_size=400), min_size=1), st.data())
    def test_every_truncation_inside_a_packet_is_found(
        self, packets: list[bytes], data: st.DataObject
    ) -> None:
        whole = framed(*packets)
        boundaries = {len(framed(*packets[:count])) for count in range(len(packets) + 1)}
        end = data.draw(st.integers(0, len(whole)).filter(lambda end: end not in boundaries))
        with pytest.raises(InvalidAudio, match="does not end within"):
            list(opus_packets(whole[:end]))

    def test_an_empty_packet_is_refused(self) -> None:
        with pytest.raises(InvalidAudio, match="at byte 3 is empty"):
            list(opus_packets(framed(b"x", b"")))

    @given(st.binary(max_size=3_000))
    def test_any_bytes_are_measured_or_refused(self, data: bytes) -> None:
        try:
            index = opus_index(data)
        except InvalidAudio:
            return
        assert sum(size for size, _ in index) == len(data)
        assert all(2_500 <= duration_us <= 120_000 for _, duration_us in index)

    def test_the_number_of_packets_is_bounded(self) -> None:
        data = framed(bytes([TOC_2_5_MS])) * MAX_OPUS_PACKETS
        assert len(opus_index(data)) == MAX_OPUS_PACKETS
        with pytest.raises(InvalidAudio, match="More than"):
            opus_index(data + framed(b"x"))


class TestOpusDuration:
    @pytest.mark.parametrize("config", range(32))
    def test_frame_length_follows_table_2_of_the_rfc(self, config: int) -> None:
        silk, hybrid, celt = (10, 20, 40, 60), (10, 20), (2.5, 5, 10, 20)
        frame_ms = (
            silk[config % 4] if config < 12 else hybrid[config % 2] if config < 16 else celt[config % 4]
        )
        assert opus_packet_us(bytes([config << 3])) == frame_ms * 1000
        assert opus_packet_us(bytes([config << 3 | 0b100])) == frame_ms * 1000, "stereo is as long as mono"

    @pytest.mark.parametrize("code", [1, 2])
    def test_codes_1_and_2_mean_two_frames(self, code: int) -> None:
        assert opus_packet_us(bytes([TOC_20_MS | code, 0])) == 40_000

    @pytest.mark.parametrize("count", range(1, 7))
    def test_code_3_counts_in_the_second_byte_below_its_two_flags(self, count: int) -> None:
        assert opus_packet_us(bytes([TOC_20_MS | 3, 0b1100_0000 | count])) == count * 20_000

    @pytest.mark.parametrize("packet", [b"\x4b", b"\x4b\x00", b"\x4b\x07", b"\x83\x31"])
    def test_no_frame_or_more_than_120_ms_is_refused(self, packet: bytes) -> None:
        with pytest.raises(InvalidAudio, match="frames"):
            opus_packet_us(packet)

    def test_durations_add_up_before_they_are_rounded(self) -> None:
        assert opus_duration_ms(framed(bytes([TOC_2_5_MS])) * 4) == 10
        assert opus_duration_ms(opus(2_560)) == 2_560
        assert opus_duration_ms(b"") == 0


class TestWav:
    @given(st.integers(0, 4_000), st.sampled_from([8_000, 16_000, 44_100, 96_000]), st.sampled_from([1, 2]))
    def test_files_of_the_standard_library_are_measured(self, count: int, rate: int, channels: int) -> None:
        assert wav_duration_ms(wav(bytes(2 * channels * count), rate, channels)) == count * 1000 // rate

    def test_other_chunks_are_passed_over_with_their_padding(self) -> None:
        file = wav(bytes(32_000))
        assert wav_duration_ms(file[:12] + b"LIST\x03\x00\x00\x00abc\x00" + file[12:]) == 1_000

    @pytest.mark.parametrize("size", [0x7FFF_FFFF - 36, 0xFFFF_FFFF])
    def test_a_file_written_to_a_pipe_does_not_know_its_size(self, size: int) -> None:
        file = wav(bytes(32_000))
        assert wav_duration_ms(file[:40] + size.to_bytes(4, "little") + file[44:]) == 1_000

    @pytest.mark.parametrize(
        ("file", "sentence"),
        [
            (b"", "not a wav file"),
            (b"ID3\x04 this is mp3", "not a wav file"),
            (wav(bytes(100))[:60], "cut short"),
            (wav(bytes(100))[:30], "cut short"),
            (wav(bytes(100))[:36], "lacks"),
            (wav(bytes(100))[:12], "lacks"),
            (wav(b"", 16_000)[:28] + bytes(4) + wav(b"")[32:], "lacks"),
            (wav(b"")[:12] + b"JUNK\0\0\0\0" * 64 + wav(b"")[12:], "lacks"),
        ],
    )
    def test_others_are_refused(self, file: bytes, sentence: str) -> None:
        with pytest.raises(InvalidAudio, match=sentence):
            wav_duration_ms(file)

    @given(st.binary(max_size=200))
    def test_any_bytes_are_measured_or_refused(self, data: bytes) -> None:
        with suppress(InvalidAudio):
            assert wav_duration_ms(b"RIFF\0\0\0\0WAVE" + data) >= 0


class TestCheck:
    def test_each_format_is_measured(self) -> None:
        assert check("pcm16", bytes(16_000), 8_000) == 1_000
        assert check("opus", opus(1_000), 16_000) == 1_000
        assert check("wav", wav(bytes(32_000)), 0) == 1_000, "a wav file states its own rate"

    def test_no_audio_is_no_error(self) -> None:
        assert check("pcm16", b"", 16_000) == check("opus", b"", 16_000) == 0

    def test_an_unknown_format_is_refused_with_the_known_ones(self) -> None:
        with pytest.raises(InvalidAudio, match="'mp3' is not known: send one of pcm16, wav, opus"):
            check("mp3", b"x", 16_000)
        with pytest.raises(InvalidAudio) as refusal:
            check("x" * 5_000, b"x", 16_000)
        assert len(str(refusal.value)) < 200


class TestQuietestCut:
    @pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100, 48_000])
    @pytest.mark.parametrize("quiet_from_ms", [510, 700, 970])
    def test_a_pause_of_20_ms_in_the_window_is_found(self, sample_rate: int, quiet_from_ms: int) -> None:
        pcm = (
            tone(quiet_from_ms, sample_rate)
            + bytes(sample_rate // 50 * 2)
            + tone(980 - quiet_from_ms, sample_rate)
        )
        cut_ms = quietest_cut(pcm, sample_rate) / 2 * 1000 / sample_rate
        assert abs(cut_ms - (quiet_from_ms + 10)) <= 5

    def test_silence_before_the_window_does_not_count(self) -> None:
        pcm = bytes(8_000) + tone(400) + tone(100, loudness=100) + tone(400)
        assert 650 * 32 < quietest_cut(pcm, 16_000) < 750 * 32

    def test_equal_silence_is_cut_as_late_as_a_frame_allows(self) -> None:
        assert quietest_cut(bytes(32_000), 16_000) == 32_000 - 10 * 32

    def test_a_constant_offset_of_the_microphone_is_not_loudness(self) -> None:
        offset = (3_000).to_bytes(2, "little") * 320
        pcm = tone(400) + offset + tone(100, loudness=1_000) * 3
        assert abs(quietest_cut(pcm, 16_000) - 410 * 32) <= 5 * 32

    def test_less_than_a_frame_is_not_divided(self) -> None:
        assert quietest_cut(bytes(101), 16_000) == 100
        assert quietest_cut(b"", 16_000) == 0

    @given(st.binary(min_size=2, max_size=4_000), st.integers(8_000, 48_000))
    def test_the_cut_is_between_samples_and_leaves_something_in_front(self, pcm: bytes, rate: int) -> None:
        cut = quietest_cut(pcm, rate)
        assert cut % 2 == 0
        assert 0 < cut <= len(pcm)


class TestQuietestPacket:
    def test_the_smallest_packet_of_the_window_ends_the_cut(self) -> None:
        sizes = [5, *[60] * 30, 8, *[60] * 10]
        assert quietest_packet([(size, 20_000) for size in sizes]) == 32

    def test_the_window_is_25_packets_of_20_ms(self) -> None:
        assert quietest_packet([*[(60, 20_000)] * 9, (8, 20_000), *[(60, 20_000)] * 24]) == 10
        assert quietest_packet([*[(60, 20_000)] * 9, (8, 20_000), *[(60, 20_000)] * 25]) == 35

    def test_a_constant_rate_is_cut_at_the_end(self) -> None:
        assert quietest_packet([(60, 20_000)] * 100) == 100

    def test_short_packets_are_not_quiet_packets(self) -> None:
        assert quietest_packet([(60, 20_000), (20, 5_000), (60, 20_000)]) == 3

    @given(st.lists(st.tuples(st.integers(3, 500), st.sampled_from([2_500, 20_000, 120_000])), min_size=1))
    def test_at_least_one_packet_leaves(self, packets: list[tuple[int, int]]) -> None:
        assert 1 <= quietest_packet(packets) <= len(packets)
