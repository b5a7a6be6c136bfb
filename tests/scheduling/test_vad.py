"""The judge of speech, with real speech and things that are none."""

import wave
from pathlib import Path

import pytest

from agent.wav import Recording, resample
from scheduling.audio import InvalidAudio
from scheduling.vad import Ear
from tests.scheduling.sound import tone

DATA = Path(__file__).parents[1] / "data"


def _speech() -> Recording:
    with wave.open(str(DATA / "jfk.wav")) as file:
        return Recording(file.readframes(file.getnframes()), file.getframerate())


def _heard(pcm: bytes, rate: int) -> float:
    """Share of frames that are speech."""
    ear = Ear(rate)
    frames = [pcm[at : at + ear.frame_bytes] for at in range(0, len(pcm), ear.frame_bytes)]
    heard = [ear.hears(frame) for frame in frames if len(frame) == ear.frame_bytes]
    return sum(heard) / len(heard)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000])
def test_speech_is_heard_at_every_rate(rate: int) -> None:
    assert 0.75 < _heard(resample(_speech(), rate).pcm, rate) < 0.95, "but for its pauses"


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_silence_and_a_faint_hum_are_no_speech(rate: int) -> None:
    assert _heard(bytes(2 * rate), rate) == 0
    assert _heard(tone(1_000, rate, loudness=20), rate) < 0.1


def test_a_rate_no_speech_is_recorded_with_is_refused() -> None:
    with pytest.raises(InvalidAudio, match="4000"):
        Ear(4_000)
