"""Audio of a job to what Whisper hears, and speech back into what the client can play."""

from __future__ import annotations

import numpy as np

from agent import opus
from agent.pipelines.base import PipelineError
from agent.pipelines.speech.mel import SAMPLE_RATE, Floats
from agent.wav import BadWav, Recording, read_wav, write_wav

#: Formats that a job's audio and the spoken answer can have.
FORMATS = ("wav", "pcm16", "opus")


def decode(audio: bytes, audio_format: str, sample_rate: int) -> Floats:
    """Decode audio to 16 kHz mono samples in -1 to 1; ``sample_rate`` (Hz) matters for pcm16 alone.

    Raises `PipelineError`: INVALID_MESSAGE, the format is unknown or the audio is not of it.
    """
    try:
        return to_floats(_read(audio, audio_format, sample_rate))
    except (BadWav, opus.BadOpus) as error:
        raise PipelineError("INVALID_MESSAGE", f"The audio cannot be read: {error}.") from error


def encode(speech: Recording, audio_format: str, sample_rate: int) -> bytes:
    """Write the speech in one of `FORMATS`.

    A WAV file keeps the voice's rate and states it; pcm16 cannot, so it has the ``sample_rate`` (Hz)
    of the audio it answers; opus is always at 16 kHz.
    """
    if audio_format == "wav":
        return write_wav(speech)
    if audio_format == "pcm16":
        return _at_rate(speech, sample_rate).pcm
    return opus.encode(_at_rate(speech, opus.SAMPLE_RATE))


def to_floats(recording: Recording) -> Floats:
    """Return the recording at 16 kHz, in -1 to 1."""
    return _resampled(_floats(recording), recording.sample_rate, SAMPLE_RATE)


def _read(audio: bytes, audio_format: str, sample_rate: int) -> Recording:
    if audio_format == "opus":
        return opus.decode(audio)
    if audio_format == "wav":
        return read_wav(audio)
    if audio_format != "pcm16":
        raise BadWav(f"this node reads {', '.join(FORMATS)}, not '{audio_format[:40]}'")
    if sample_rate < 1:
        raise BadWav("pcm16 needs a sample rate of at least 1 Hz")
    return Recording(audio, sample_rate)


def _at_rate(recording: Recording, rate: int) -> Recording:
    samples = _resampled(_floats(recording), recording.sample_rate, rate)
    return Recording((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes(), rate)


def _floats(recording: Recording) -> Floats:
    whole = len(recording.pcm) // 2 * 2
    return np.frombuffer(recording.pcm[:whole], "<i2").astype(np.float32) / np.float32(32768)


def _resampled(samples: Floats, rate: int, new_rate: int) -> Floats:
    """Change the rate in the frequency domain, which cuts off exactly at the lower of both limits."""
    count = round(len(samples) * new_rate / rate)
    if rate == new_rate or not count:
        return samples[:count]
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    spectrum = np.pad(spectrum, (0, count // 2 + 1 - len(spectrum)))
    return (np.fft.irfft(spectrum, count) * (count / len(samples))).astype(np.float32)
