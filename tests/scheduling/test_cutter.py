"""Utterances out of chunks: each rule by itself."""

import pytest

from scheduling.audio import InvalidAudio
from scheduling.cutter import Cut, CutLimits, CutReason, Cutter
from tests.scheduling.sound import framed, noise, opus, tone

RATE = 16_000
#: Bytes of one millisecond.
MS = RATE * 2 // 1000


def pcm_cutter(tail_ms: int | None = None, **limits: int) -> Cutter:
    return Cutter(CutLimits(**limits), "pcm16", RATE, tail_ms)


def opus_cutter(**limits: int) -> Cutter:
    return Cutter(CutLimits(**limits), "opus", RATE)


def reasons(cuts: list[Cut]) -> list[CutReason]:
    return [cut.reason for cut in cuts]


class TestPause:
    def test_silence_of_pause_ms_ends_the_utterance(self) -> None:
        cutter = pcm_cutter()
        assert cutter.due_ms is None
        assert cutter.add(noise(100 * MS), seq=7, is_final=False, now_ms=1_000, client_timestamp_ms=990) == []
        assert cutter.due_ms == 4_000
        assert cutter.tick(3_999) == []
        assert cutter.tick(4_000) == [
            Cut(
                audio=noise(100 * MS),
                reason=CutReason.PAUSE,
                duration_ms=100,
                padding_ms=220,
                first_seq=7,
                first_offset=0,
                last_seq=7,
                split_at=0,
                first_chunk_ms=1_000,
                client_timestamp_ms=990,
            )
        ]
        assert cutter.due_ms is None
        assert cutter.tick(10_000) == []

    def test_the_chunk_after_the_pause_starts_the_next_utterance(self) -> None:
        """The earlier server added it to the utterance before the pause."""
        cutter = pcm_cutter()
        cutter.add(b"aa", seq=0, is_final=False, now_ms=0, client_timestamp_ms=5)
        (before,) = cutter.add(b"bb", seq=1, is_final=False, now_ms=3_000, client_timestamp_ms=3_005)
        assert (before.audio, before.reason) == (b"aa", CutReason.PAUSE)
        (after,) = cutter.tick(6_000)
        assert (after.audio, after.first_seq, after.first_chunk_ms) == (b"bb", 1, 3_000)
        assert after.client_timestamp_ms == 3_005, "each utterance has the stamp of its own first chunk"

    def test_the_first_chunk_after_a_pause_is_not_cut_alone(self) -> None:
        """The earlier server kept the old arrival time and cut the next chunk at once: jobs of 256 ms."""
        cutter = pcm_cutter()
        cutter.add(b"aa", seq=0, is_final=False, now_ms=0)
        cutter.tick(3_000)
        assert cutter.add(b"bb", seq=1, is_final=False, now_ms=60_000) == []
        assert cutter.add(b"cc", seq=2, is_final=False, now_ms=62_560) == []
        assert cutter.buffered_bytes == 4

    def test_none_cuts_while_translated_speech_is_played(self) -> None:
        cutter = pcm_cutter()
        cutter.add(b"aa", seq=0, is_final=False, now_ms=0)
        cutter.suspend_pauses(2_000, 62_000)
        assert cutter.due_ms == 62_000, "not for ever: its end may never be told"
        assert cutter.tick(61_999) == []
        cutter.suspend_pauses(10_000, 10_000)
        assert cutter.due_ms == 13_000, "silence counts from the end of the play"
        assert reasons(cutter.tick(13_000)) == [CutReason.PAUSE]

    def test_what_is_dropped_is_in_no_utterance(self) -> None:
        cutter = opus_cutter()
        cutter.add(opus(40), seq=0, is_final=True, now_ms=0)
        cutter.drop()
        assert (cutter.due_ms, cutter.buffered_bytes) == (None, 0)
        assert cutter.add(opus(60), seq=1, is_final=False, now_ms=100) == []
        (cut,) = cutter.close(200)
        assert (cut.audio, cut.first_seq, cut.reason) == (opus(60), 1, CutReason.CLOSE)

    def test_an_empty_chunk_is_no_audio(self) -> None:
        cutter = pcm_cutter()
        assert cutter.add(b"", seq=0, is_final=False, now_ms=0) == []
        assert cutter.due_ms is None
        cutter.add(b"aa", seq=1, is_final=False, now_ms=100)
        assert cutter.add(b"", seq=2, is_final=False, now_ms=2_000) == []
        assert cutter.due_ms == 3_100, "it does not move the pause"
        (cut,) = cutter.add(b"", seq=3, is_final=False, now_ms=3_100)
        assert (cut.first_seq, cut.last_seq) == (1, 1)

    def test_pause_0_never_cuts(self) -> None:
        cutter = pcm_cutter(pause_ms=0)
        cutter.add(b"aa", seq=0, is_final=False, now_ms=0)
        assert cutter.due_ms is None
        assert cutter.tick(10**9) == []


class TestFinal:
    def test_a_final_waits_for_its_tail(self) -> None:
        """Real clients encode without waiting, so the last chunk comes after its final."""
        cutter = opus_cutter()
        cutter.add(opus(2_560), seq=0, is_final=False, now_ms=0)
        assert cutter.add(b"", seq=1, is_final=True, now_ms=1_000) == []
        assert cutter.add(opus(500), seq=2, is_final=False, now_ms=1_020) == []
        assert cutter.due_ms == 1_200
        (cut,) = cutter.tick(1_200)
        assert cut.audio == opus(3_060)
        assert (cut.reason, cut.padding_ms, cut.first_seq, cut.last_seq) == (CutReason.MANUAL, 280, 0, 2)

    def test_a_short_utterance_is_nothing_but_a_tail(self) -> None:
        cutter = opus_cutter()
        assert cutter.add(b"", seq=0, is_final=True, now_ms=0) == []
        assert cutter.due_ms is None, "nothing to cut yet"
        cutter.add(opus(500), seq=1, is_final=False, now_ms=30)
        assert cutter.due_ms == 200
        assert reasons(cutter.tick(200)) == [CutReason.MANUAL]

    def test_a_chunk_after_the_hold_starts_the_next_utterance(self) -> None:
        cutter = pcm_cutter()
        cutter.add(b"aa", seq=0, is_final=True, now_ms=0)
        (cut,) = cutter.add(b"bb", seq=1, is_final=False, now_ms=200)
        assert (cut.audio, cut.reason) == (b"aa", CutReason.MANUAL)
        assert cutter.due_ms == 3_200, "the final was used up"

    def test_a_final_without_audio_is_forgotten_after_the_hold(self) -> None:
        cutter = pcm_cutter()
        cutter.add(b"", seq=0, is_final=True, now_ms=0)
        assert cutter.add(b"aa", seq=1, is_final=False, now_ms=200) == []
        assert cutter.due_ms == 3_200

    def test_a_second_final_in_the_hold_changes_nothing(self) -> None:
        cutter = pcm_cutter()
        cutter.add(b"aa", seq=0, is_final=True, now_ms=0)
        assert cutter.add(b"bb", seq=1, is_final=True, now_ms=150) == []
        assert cutter.due_ms == 200
        (cut,) = cutter.tick(200)
        assert cut.audio == b"aabb"
        assert cutter.tick(10_000) == []

    def test_the_hold_outlasts_the_pause(self) -> None:
        cutter = pcm_cutter()
        cutter.add(b"aa", seq=0, is_final=False, now_ms=0)
        cutter.add(b"", seq=1, is_final=True, now_ms=2_900)
        assert cutter.tick(3_000) == []
        assert reasons(cutter.tick(3_100)) == [CutReason.MANUAL]

    def test_without_a_tail_the_cut_leaves_at_once(self) -> None:
        cutter = pcm_cutter(tail_ms=0)
        (cut,) = cutter.add(b"aa", seq=0, is_final=True, now_ms=0)
        assert (cut.audio, cut.reason) == (b"aa", CutReason.MANUAL)
        assert cutter.add(b"", seq=1, is_final=True, now_ms=1) == []
        assert cutter.add(b"bb", seq=2, is_final=False, now_ms=1) == []

    def test_a_final_after_the_pause_comes_too_late(self) -> None:
        cutter = pcm_cutter(tail_ms=0)
        cutter.add(b"aa", seq=0, is_final=False, now_ms=0)
        assert reasons(cutter.add(b"", seq=1, is_final=True, now_ms=3_000)) == [CutReason.PAUSE]


class TestLength:
    def test_11_s_of_continuous_speech_are_two_utterances(self) -> None:
        cutter = pcm_cutter()
        cuts: list[Cut] = []
        for seq in range(110):
            cuts += cutter.add(noise(100 * MS, seq), seq=seq, is_final=seq == 109, now_ms=100 * seq)
        cuts += cutter.tick(11_100)
        assert reasons(cuts) == [CutReason.MAX_DURATION, CutReason.MANUAL]
        first, second = cuts
        assert 9_500 <= first.duration_ms <= 10_000
        assert b"".join(cut.audio for cut in cuts) == b"".join(noise(100 * MS, seq) for seq in range(110))
        assert second.first_seq == first.last_seq
        assert second.first_offset == first.split_at > 0
        assert second.first_chunk_ms == 100 * second.first_seq

    def test_the_cut_falls_on_the_quiet_moment(self) -> None:
        cutter = pcm_cutter()
        speech = tone(9_700) + bytes(20 * MS) + tone(600)
        (cut,) = cutter.add(speech, seq=0, is_final=False, now_ms=0)
        assert abs(cut.duration_ms - 9_710) <= 5

    def test_exactly_the_limit_is_one_utterance(self) -> None:
        cutter = pcm_cutter(tail_ms=0)
        assert reasons(cutter.add(bytes(10_000 * MS), seq=0, is_final=True, now_ms=0)) == [CutReason.MANUAL]

    def test_one_large_chunk_may_be_several_utterances(self) -> None:
        cutter = pcm_cutter(tail_ms=0)
        cuts = cutter.add(noise(35_000 * MS), seq=3, is_final=True, now_ms=0)
        assert reasons(cuts) == [*[CutReason.MAX_DURATION] * 3, CutReason.MANUAL]
        assert {(cut.first_seq, cut.last_seq) for cut in cuts} == {(3, 3)}
        assert [cut.first_offset for cut in cuts] == [0, *(cut.split_at for cut in cuts[:-1])]

    def test_opus_is_cut_at_a_packet_by_the_time_it_plays(self) -> None:
        cutter = opus_cutter()
        (cut,) = cutter.add(opus(10_020, packet_bytes=300), seq=0, is_final=False, now_ms=0)
        assert cut.audio == opus(10_000, packet_bytes=300)
        assert (cut.duration_ms, cut.reason) == (10_000, CutReason.MAX_DURATION)
        assert cutter.buffered_bytes == 302

    def test_opus_of_a_variable_rate_is_cut_at_its_smallest_packet(self) -> None:
        cutter = opus_cutter()
        (cut,) = cutter.add(opus(9_680) + opus(20, 9) + opus(600), seq=0, is_final=False, now_ms=0)
        assert cut.duration_ms == 9_700

    def test_a_length_cut_leaves_the_final_to_the_rest(self) -> None:
        cutter = pcm_cutter()
        cutter.add(bytes(9_900 * MS), seq=0, is_final=True, now_ms=0)
        assert reasons(cutter.add(bytes(900 * MS), seq=1, is_final=False, now_ms=50)) == [
            CutReason.MAX_DURATION
        ]
        assert cutter.due_ms == 200
        assert reasons(cutter.tick(200)) == [CutReason.MANUAL]

    def test_max_duration_0_leaves_only_the_size_limit(self) -> None:
        cutter = pcm_cutter(max_duration_ms=0)
        assert cutter.add(bytes(512_000), seq=0, is_final=False, now_ms=0) == []
        assert reasons(cutter.add(bytes(2), seq=1, is_final=False, now_ms=1)) == [CutReason.MAX_LENGTH]


class TestSize:
    def test_pcm16_of_a_high_rate_is_cut_by_its_size(self) -> None:
        cutter = Cutter(CutLimits(), "pcm16", 48_000)
        (cut,) = cutter.add(noise(512_002), seq=0, is_final=False, now_ms=0)
        assert (cut.reason, cut.padding_ms, cut.flags) == (CutReason.MAX_LENGTH, 0, {})
        assert 512_000 - 48_000 <= len(cut.audio) <= 512_000

    def test_opus_of_a_high_rate_is_cut_by_its_size(self) -> None:
        cutter = opus_cutter()
        (cut,) = cutter.add(opus(5_020, packet_bytes=2_046), seq=0, is_final=False, now_ms=0)
        assert cut.reason is CutReason.MAX_LENGTH
        assert len(cut.audio) == 250 * 2_048 == 512_000

    def test_an_odd_limit_does_not_split_a_sample(self) -> None:
        cutter = pcm_cutter(max_duration_ms=0, max_bytes=65_537)
        (cut,) = cutter.add(noise(65_538), seq=0, is_final=False, now_ms=0)
        assert len(cut.audio) % 2 == 0


class TestClose:
    def test_nothing_buffered_is_lost(self) -> None:
        """The earlier server lost the last audio at every close."""
        cutter = pcm_cutter()
        cutter.add(b"aa", seq=0, is_final=False, now_ms=0)
        (cut,) = cutter.close(500)
        assert (cut.audio, cut.reason, cut.padding_ms, cut.flags) == (b"aa", CutReason.CLOSE, 220, {})
        assert cutter.due_ms is None
        assert cutter.buffered_bytes == 0

    def test_a_held_final_leaves_as_what_it_is(self) -> None:
        cutter = pcm_cutter()
        cutter.add(b"aa", seq=0, is_final=True, now_ms=0)
        assert reasons(cutter.close(10)) == [CutReason.MANUAL]

    def test_what_was_due_leaves_as_what_it_is(self) -> None:
        cutter = pcm_cutter()
        cutter.add(b"aa", seq=0, is_final=False, now_ms=0)
        assert reasons(cutter.close(3_000)) == [CutReason.PAUSE]

    def test_nothing_comes_after_it(self) -> None:
        cutter = pcm_cutter()
        assert cutter.close(0) == []
        assert cutter.close(1) == []
        assert cutter.tick(10_000) == []
        with pytest.raises(ValueError, match="closed"):
            cutter.add(b"", seq=0, is_final=False, now_ms=2)


class TestHalfSamples:
    def test_a_sample_may_come_in_two_chunks(self) -> None:
        cutter = pcm_cutter()
        cutter.add(b"abc", seq=0, is_final=False, now_ms=0)
        assert cutter.buffered_bytes == 2
        cutter.add(b"def", seq=1, is_final=False, now_ms=1)
        (cut,) = cutter.close(2)
        assert cut.audio == b"abcdef"

    def test_a_cut_does_not_shift_the_samples_behind_it(self) -> None:
        cutter = pcm_cutter(tail_ms=0)
        (first,) = cutter.add(b"abc", seq=0, is_final=True, now_ms=0)
        (second,) = cutter.add(b"def", seq=1, is_final=True, now_ms=9_000, client_timestamp_ms=8_990)
        assert (first.audio, second.audio) == (b"ab", b"cdef")
        assert (second.first_seq, second.first_offset) == (1, 0)
        assert (second.first_chunk_ms, second.client_timestamp_ms) == (9_000, 8_990), "not those of the half"

    def test_half_a_sample_alone_is_no_utterance(self) -> None:
        cutter = pcm_cutter()
        cutter.add(b"a", seq=0, is_final=True, now_ms=0)
        assert cutter.due_ms is None
        assert cutter.tick(10_000) == []
        assert cutter.close(10_001) == []

    def test_offsets_count_from_the_chunks_own_first_byte(self) -> None:
        cutter = pcm_cutter(tail_ms=0)
        cutter.add(b"a", seq=0, is_final=False, now_ms=0)
        chunk = noise(10_100 * MS + 1)
        (first,) = cutter.add(chunk, seq=1, is_final=False, now_ms=1)
        assert first.audio == b"a" + chunk[: first.split_at]


class TestBadAudio:
    @pytest.mark.parametrize("broken", [b"\x05", b"\x05\x00ab", b"\x00\x00", framed(b"\x4b")])
    def test_a_broken_chunk_changes_nothing(self, broken: bytes) -> None:
        cutter = opus_cutter()
        cutter.add(opus(100), seq=0, is_final=False, now_ms=0)
        with pytest.raises(InvalidAudio):
            cutter.add(opus(20) + broken, seq=1, is_final=True, now_ms=3_000)
        assert cutter.due_ms == 3_000
        (cut,) = cutter.tick(3_000)
        assert (cut.audio, cut.reason, cut.last_seq) == (opus(100), CutReason.PAUSE, 0)

    @pytest.mark.parametrize("audio_format", ["wav", "mp3", ""])
    def test_other_formats_cannot_be_streamed(self, audio_format: str) -> None:
        with pytest.raises(InvalidAudio, match="pcm16 or opus"):
            Cutter(CutLimits(), audio_format, RATE)

    def test_a_rate_of_nothing_cannot_be_streamed(self) -> None:
        with pytest.raises(InvalidAudio, match="sample_rate"):
            Cutter(CutLimits(), "pcm16", 1)


@pytest.mark.parametrize(
    "limits", [{"pause_ms": -1}, {"tail_ms": -1}, {"max_duration_ms": 119}, {"max_bytes": 65_536}]
)
def test_limits_that_cannot_be_kept_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must"):
        CutLimits(**limits)


@pytest.mark.parametrize(
    ("reason", "flags"),
    [
        (CutReason.MANUAL, {"is_manual_cut": True}),
        (CutReason.PAUSE, {"is_pause_triggered": True}),
        (CutReason.MAX_DURATION, {"is_timeout_triggered": True}),
        (CutReason.MAX_LENGTH, {}),
        (CutReason.CLOSE, {}),
    ],
)
def test_flags_tell_the_node_why(reason: CutReason, flags: dict[str, bool]) -> None:
    cut = Cut(b"", reason, 0, 0, 0, 0, 0, 0, 0, None)
    assert cut.flags == flags


def test_a_cut_says_where_the_next_byte_is_wanted_though_a_sample_is_halved() -> None:
    """A client that comes back sends from there: a byte too late would turn its samples inside out."""
    cutter = Cutter(CutLimits(tail_ms=0), "pcm16", 16_000)
    (cut,) = cutter.add(bytes(5), seq=3, is_final=True, now_ms=0)
    assert (cut.last_seq, cut.split_at) == (3, 4)
    (cut,) = cutter.add(bytes(5), seq=4, is_final=True, now_ms=1)
    assert (cut.last_seq, cut.split_at) == (4, 0)


def test_a_chunk_sent_again_keeps_its_offsets() -> None:
    cutter = Cutter(CutLimits(tail_ms=0), "pcm16", 16_000)
    (cut,) = cutter.add(bytes(6), seq=3, is_final=True, now_ms=0, begins=4)
    assert (cut.first_seq, cut.first_offset, cut.last_seq, cut.split_at) == (3, 4, 3, 0)
