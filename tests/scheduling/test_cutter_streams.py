"""Utterances out of chunks, under random clients: what holds for every stream."""

from copy import deepcopy
from dataclasses import dataclass
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from scheduling.audio import opus_packets
from scheduling.cutter import Cut, CutLimits, CutReason, Cutter
from tests.scheduling.sound import TOC_2_5_MS, TOC_5_MS, TOC_20_MS, framed, noise

RATE = 16_000
#: Bytes of one millisecond.
MS = RATE * 2 // 1000

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
