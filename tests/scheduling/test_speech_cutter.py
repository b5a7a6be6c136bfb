"""Utterances cut where speech ends: rules one by one, then under random speech, then real speech."""

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wav import read_wav
from scheduling.cutter import Cut, CutLimits, CutReason
from scheduling.speech_cutter import SpeechCutter
from scheduling.vad import Ear
from tests.scheduling.test_vad import DATA

RATE = 8_000
FRAME = RATE // 50 * 2


class Marked:
    """A judge of frames that say themselves whether they are speech."""

    def is_speech(self, frame: bytes, sample_rate: int) -> bool:
        assert (len(frame), sample_rate) == (FRAME, RATE)
        return frame[-1] == 1


def frame(number: int, voiced: bool) -> bytes:
    """A frame that is unlike all others."""
    return number.to_bytes(4, "little") * (FRAME // 4 - 1) + bytes([0, 0, 0, voiced])


def frames(*runs: tuple[bool, int]) -> list[bytes]:
    """Runs of voiced or silent frames, numbered on."""
    flags = [voiced for voiced, length in runs for _ in range(length)]
    return [frame(number, voiced) for number, voiced in enumerate(flags)]


def speech_cutter(end_of_speech_ms: int = 600, **limits: int) -> SpeechCutter:
    return SpeechCutter(CutLimits(**limits), RATE, end_of_speech_ms, Ear(RATE, Marked()))


def add(cutter: SpeechCutter, sound: list[bytes], now_ms: int = 0, *, seq: int = 0) -> list[Cut]:
    return cutter.add(b"".join(sound), seq=seq, is_final=False, now_ms=now_ms)


def test_the_end_of_speech_cuts() -> None:
    cutter = speech_cutter()
    sound = frames((False, 50), (True, 20), (False, 29))
    assert add(cutter, sound) == []
    assert cutter.hears_utterance
    (cut,) = add(cutter, [frame(99, False)], seq=1)
    assert cut.audio == b"".join(sound[37:80]), "300 ms before it was heard, 200 ms after the last word"
    assert (cut.reason, cut.duration_ms, cut.padding_ms) == (CutReason.SPEECH_END, 860, 220)
    assert cut.flags == {"is_pause_triggered": True}
    assert (cut.first_seq, cut.first_offset, cut.last_seq, cut.split_at) == (0, 37 * FRAME, 0, 80 * FRAME)
    assert not cutter.hears_utterance
    assert cutter.due_ms is None


def test_shorter_silence_is_part_of_what_is_said() -> None:
    cutter = speech_cutter()
    assert add(cutter, frames((True, 10), (False, 29), (True, 10), (False, 29))) == []
    assert len(cutter.close(0)) == 1


def test_a_stretch_without_speech_is_no_utterance_and_is_not_kept() -> None:
    cutter = speech_cutter()
    for second in range(100):
        assert add(cutter, frames((False, 48), (True, 2)), second * 1_000, seq=second) == []
        assert cutter.buffered_bytes <= 15 * FRAME
    assert cutter.due_ms is None
    assert cutter.add(b"", seq=100, is_final=True, now_ms=100_000) == []
    assert cutter.close(100_000) == []


def test_a_final_and_the_close_end_what_is_being_said() -> None:
    for reason in (CutReason.MANUAL, CutReason.CLOSE):
        cutter = speech_cutter()
        add(cutter, frames((True, 10)))
        if reason is CutReason.MANUAL:
            cuts = cutter.add(b"", seq=1, is_final=True, now_ms=0)
        else:
            cuts = cutter.close(0)
        assert [(cut.reason, cut.duration_ms) for cut in cuts] == [(reason, 200)]


def test_a_pause_of_arrival_still_cuts() -> None:
    cutter = speech_cutter(pause_ms=3_000)
    add(cutter, frames((True, 10)))
    assert cutter.due_ms == 3_000
    (cut,) = cutter.tick(3_000)
    assert cut.reason is CutReason.PAUSE
    add(cutter, [frame(50, False)], 4_000)
    add(cutter, frames((True, 10)), 9_000)
    (cut,) = cutter.close(9_000)
    assert cut.audio == b"".join(frames((True, 10))), "silence from before a gap is not joined to it"


def test_the_longest_utterance_is_as_long_as_without_listening() -> None:
    cutter = speech_cutter(max_duration_ms=1_000)
    cuts = add(cutter, frames((True, 175))) + cutter.close(0)
    assert {cut.reason for cut in cuts[:-1]} == {CutReason.MAX_DURATION}
    assert cuts[-1].reason is CutReason.CLOSE
    assert all(cut.duration_ms <= 1_000 for cut in cuts)
    assert b"".join(cut.audio for cut in cuts) == b"".join(frames((True, 175)))


def test_an_end_of_speech_shorter_than_the_silence_kept_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 200"):
        speech_cutter(100)


@given(
    runs=st.lists(st.tuples(st.booleans(), st.integers(1, 60)), max_size=12),
    sizes=st.lists(
        st.integers(1, 40 * FRAME) | st.integers(1, 40).map(FRAME.__mul__), min_size=1, max_size=30
    ),
    finals=st.sets(st.integers(0, 40)),
    max_duration_ms=st.sampled_from([0, 500, 2_000]),
)
def test_no_speech_is_lost_or_given_twice(
    runs: list[tuple[bool, int]], sizes: list[int], finals: set[int], max_duration_ms: int
) -> None:
    """However the client cuts its audio into chunks; three voiced frames in a row are speech.

    Finals come between chunks, and may fall among the first frames of a word: those are not looked at.
    """
    sound = b"".join(frames(*runs))
    cutter = speech_cutter(max_duration_ms=max_duration_ms)
    bounds = [0, *(at for at in accumulate(sizes) if at < len(sound)), len(sound)]
    cuts: list[Cut] = []
    ended: set[int] = set()
    for seq, (start, end) in enumerate(pairwise(bounds)):
        # A new utterance is heard from its own beginning, so the marks must lie where its frames do.
        is_final = seq in finals and end % FRAME == 0
        cuts += cutter.add(sound[start:end], seq=seq, is_final=is_final, now_ms=seq)
        if is_final:
            ended.update(range(end // FRAME - 3, end // FRAME + 3))
    cuts += cutter.close(len(bounds))
    at = 0
    for cut in cuts:
        at = sound.index(cut.audio, at) + len(cut.audio)
        assert cut.audio
    given = b"".join(cut.audio for cut in cuts)
    number = 0
    for voiced, length in runs:
        expected = range(number, number + length)
        number += length
        if voiced and length >= 3 and not ended.intersection(expected):
            assert b"".join(frame(n, True) for n in expected) in given


def test_real_speech_is_cut_in_its_pauses() -> None:
    """The recording pauses for 0.7 s after "my fellow Americans" and for 0.5 s later on."""
    recording = read_wav((DATA / "jfk.wav").read_bytes())
    cutter = SpeechCutter(CutLimits(), recording.sample_rate, 400)
    chunk = recording.sample_rate // 10 * 2
    cuts: list[Cut] = []
    for seq, start in enumerate(range(0, len(recording.pcm), chunk)):
        data = recording.pcm[start : start + chunk]
        cuts += cutter.add(data, seq=seq, is_final=False, now_ms=seq * 100)
    cuts += cutter.close(0)
    assert [cut.reason for cut in cuts] == [*[CutReason.SPEECH_END] * (len(cuts) - 1), CutReason.CLOSE]
    assert [round(cut.duration_ms, -3) for cut in cuts] == [5_000, 3_000, 3_000]
