"""Utterances out of chunks: each rule by itself, then all of them together under random clients."""

from copy import deepcopy
from dataclasses import dataclass
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.audio import InvalidAudio, opus_packets
from scheduling.cutter import Cut, CutLimits, CutReason, Cutter
from tests.scheduling.sound import TOC_2_5_MS, TOC_5_MS, TOC_20_MS, framed, noise, opus, tone

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


# Random clients: small limits, so that every rule meets every other one.

LIMITS = CutLimits(pause_ms=300, max_duration_ms=120, max_bytes=65_537, tail_ms=50)


@dataclass(frozen=True)
class Event:
    """A chunk, `wait_ms` after the one before."""

    wait_ms: int
    data: bytes
    is_final: bool


WAITS = st.one_of(st.integers(0, 60), st.sampled_from([49, 50, 51, 299, 300, 301]), st.integers(0, 700))
PCM_DATA = st.one_of(st.just(0), st.integers(0, 400 * MS), st.integers(0, 9)).flatmap(
    lambda size: st.integers(0, 999).map(lambda seed: noise(size, seed))
)
PACKET = st.tuples(
    st.sampled_from([TOC_2_5_MS, TOC_5_MS, TOC_20_MS]), st.one_of(st.integers(0, 90), st.integers(0, 65_534))
).map(lambda packet: bytes([packet[0]]) + noise(packet[1]))
OPUS_DATA = st.lists(PACKET, max_size=12).map(lambda packets: framed(*packets))


def events(data: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[Event]]:
    return st.lists(st.builds(Event, WAITS, data, st.booleans()), max_size=15)


STREAMS = st.one_of(
    st.tuples(st.just("pcm16"), events(PCM_DATA)), st.tuples(st.just("opus"), events(OPUS_DATA))
)
Stream = tuple[str, list[Event]]


@dataclass
class Run:
    """What came out, and when."""

    cutter: Cutter
    now_ms: int
    cuts: list[tuple[int, Cut]]

    def note(self, cuts: list[Cut]) -> None:
        self.cuts += [(self.now_ms, cut) for cut in cuts]


def play(stream: Stream, *, punctual: bool, close: bool = True) -> Run:
    """Feed a stream; a punctual owner ticks whenever the cutter is due, another one never does."""
    audio_format, chunks = stream
    run = Run(Cutter(LIMITS, audio_format, RATE), 1_000, [])
    for seq, event in enumerate(chunks):
        arrival_ms = run.now_ms + event.wait_ms
        while punctual and (due_ms := run.cutter.due_ms) is not None and due_ms <= arrival_ms:
            assert deepcopy(run.cutter).tick(due_ms - 1) == []
            run.now_ms = due_ms
            cuts = run.cutter.tick(due_ms)
            assert len(cuts) == 1, "it said it was due"
            run.note(cuts)
        run.now_ms = arrival_ms
        run.note(run.cutter.add(event.data, seq=seq, is_final=event.is_final, now_ms=arrival_ms))
        if run.cutter.due_ms is None:
            assert deepcopy(run.cutter).tick(arrival_ms + 10**9) == [], "it said it was not due"
    if close:
        run.note(run.cutter.close(run.now_ms))
    return run


def whole(stream: Stream) -> bytes:
    """All audio that went in, without half a sample at its end."""
    audio_format, chunks = stream
    audio = b"".join(event.data for event in chunks)
    return audio[: len(audio) // 2 * 2] if audio_format == "pcm16" else audio


@given(STREAMS, st.booleans())
def test_nothing_is_lost_doubled_or_swapped(stream: Stream, punctual: bool) -> None:
    run = play(stream, punctual=punctual)
    assert b"".join(cut.audio for _, cut in run.cuts) == whole(stream)
    assert all(cut.audio for _, cut in run.cuts), "an empty buffer never makes a cut"


@given(STREAMS)
def test_the_buffer_is_what_came_and_has_not_left(stream: Stream) -> None:
    run = play(stream, punctual=True, close=False)
    assert run.cutter.buffered_bytes == len(whole(stream)) - sum(len(cut.audio) for _, cut in run.cuts)


@given(STREAMS)
def test_an_owner_who_never_ticks_gets_the_same_utterances(stream: Stream) -> None:
    late = [cut for _, cut in play(stream, punctual=False).cuts]
    assert late == [cut for _, cut in play(stream, punctual=True).cuts]


@given(STREAMS)
def test_no_cut_is_over_a_limit_or_inside_a_sample_or_packet(stream: Stream) -> None:
    for _, cut in play(stream, punctual=True).cuts:
        assert cut.duration_ms <= LIMITS.max_duration_ms
        assert len(cut.audio) <= LIMITS.max_bytes
        if stream[0] == "opus":
            assert list(opus_packets(cut.audio))
        else:
            assert len(cut.audio) % 2 == 0


@given(STREAMS)
def test_each_cut_says_where_it_came_from(stream: Stream) -> None:
    cuts = [cut for _, cut in play(stream, punctual=True).cuts]
    starts = [0, *accumulate(len(event.data) for event in stream[1])]
    position = 0
    for cut in cuts:
        begin = starts[cut.first_seq] + cut.first_offset
        # Half a sample that came with an earlier chunk belongs to the chunk that completes it.
        assert begin == position or (cut.first_offset == 0 and begin == position + 1)
        position += len(cut.audio)
        assert starts[cut.last_seq] < position <= starts[cut.last_seq + 1]
        if cut.split_at:
            assert position == starts[cut.last_seq] + cut.split_at
    for one, following in pairwise(cuts):
        assert (one.first_seq, one.first_offset) < (following.first_seq, following.first_offset)
        if one.split_at:
            begin = starts[following.first_seq] + following.first_offset
            split = starts[one.last_seq] + one.split_at
            assert begin == split or (following.first_offset == 0 and begin == split + 1)
        else:
            assert (following.first_seq, following.first_offset) > (one.last_seq, -1)
            assert following.first_seq > one.last_seq


@given(STREAMS)
def test_each_cut_has_the_reason_its_history_gives(stream: Stream) -> None:
    run = play(stream, punctual=True)
    arrivals = list(accumulate((event.wait_ms for event in stream[1]), initial=1_000))[1:]
    heard = [when for when, event in zip(arrivals, stream[1], strict=True) if event.data]
    finals = [when for when, event in zip(arrivals, stream[1], strict=True) if event.is_final]
    for when, cut in run.cuts:
        assert cut.first_chunk_ms == arrivals[cut.first_seq]
        if cut.reason is CutReason.PAUSE:
            assert max(at for at in heard if at < when) == when - LIMITS.pause_ms
        elif cut.reason is CutReason.MANUAL:
            assert any(when - LIMITS.tail_ms <= final <= when for final in finals)
        elif cut.reason is CutReason.CLOSE:
            assert when == run.now_ms
        else:
            assert when in heard, "only audio exceeds a limit"


@given(events(PCM_DATA))
def test_audio_on_both_sides_of_a_pause_is_never_one_utterance(chunks: list[Event]) -> None:
    spoken = [
        Event(event.wait_ms, event.data, is_final=False) for event in chunks if len(event.data) % 2 == 0
    ]
    arrivals = list(accumulate((event.wait_ms for event in spoken), initial=1_000))[1:]
    for _, cut in play(("pcm16", spoken), punctual=False).cuts:
        inside = [arrivals[seq] for seq in range(cut.first_seq, cut.last_seq + 1) if spoken[seq].data]
        assert all(after - before < LIMITS.pause_ms for before, after in pairwise(inside))


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
