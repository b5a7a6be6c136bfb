"""The log-mel spectrogram that Whisper was trained on, with numpy alone.

The constants are those of the model (Radford et al. 2022): 25 ms windows every 10 ms, 80 mel bands on
the Slaney scale up to 8 kHz, 30 s at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
WINDOW_S = 30
_WINDOW = SAMPLE_RATE * WINDOW_S
_FFT = 400
_HOP = 160
_BANDS = 80

Floats = NDArray[np.float32]


def log_mel(samples: Floats) -> Floats:
    """Return the spectrogram of up to 30 s of 16 kHz samples in -1 to 1, padded with silence.

    Its shape is (1, 80, 3000); a frame is 10 ms.
    """
    padded = np.pad(samples[:_WINDOW], (0, max(0, _WINDOW - len(samples))))
    padded = np.pad(padded, _FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP][: _WINDOW // _HOP]
    power = np.abs(np.fft.rfft(frames * _HANN, axis=1)).astype(np.float32) ** 2
    decades: Floats = np.log10(np.maximum(_FILTERS @ power.T, np.float32(1e-10)))
    decades = np.maximum(decades, decades.max() - np.float32(8.0))
    return ((decades + 4.0) / 4.0)[np.newaxis].astype(np.float32)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Follow the Slaney scale: linear below 1 kHz (15 mel), 27 mel to each factor of 6.4 above."""
    hz: NDArray[np.float64] = np.where(mel < 15.0, 200.0 / 3.0 * mel, 1000.0 * 6.4 ** ((mel - 15.0) / 27.0))
    return hz


def _hz_to_mel(hz: float) -> float:
    return float(15.0 + 27.0 * np.log(hz / 1000.0) / np.log(6.4))


def _filters() -> Floats:
    """Triangles over the FFT bins, each of unit area in Hz; shape (80, 201)."""
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(SAMPLE_RATE / 2), _BANDS + 2))
    bins = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE)
    widths = np.diff(edges)
    distances = edges[:, np.newaxis] - bins[np.newaxis]
    rising = -distances[:-2] / widths[:-1, np.newaxis]
    falling = distances[2:] / widths[1:, np.newaxis]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return (triangles * (2.0 / (edges[2:] - edges[:-2]))[:, np.newaxis]).astype(np.float32)


_FILTERS = _filters()
_HANN = np.hanning(_FFT + 1)[:-1].astype(np.float32)
