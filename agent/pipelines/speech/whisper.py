"""Speech recognition, and translation into English, by Whisper *base* on CTranslate2."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ctranslate2
import numpy as np

from agent.pipelines.speech.mel import SAMPLE_RATE, WINDOW_S, Floats, log_mel
from agent.pipelines.speech.models import whisper_base
from agent.pipelines.speech.tokens import Tokens

#: Beam 1 gives nonsense on telephone speech; 5 costs 4% more over a clip of 11 s.
BEAM_SIZE = 5
#: Half the decoder's context, as the model was trained; ends a repetition loop.
MAX_TOKENS = 224
#: Loudest 20 ms below -60 dBFS: a muted microphone. Not worth the 0.7 s that any recognition costs.
SILENCE_RMS = 0.001
#: Whisper's own rule for "nothing was said": likely no speech, and unsure of its own words.
NO_SPEECH_PROBABILITY = 0.6
NO_SPEECH_SCORE = -1.0

_FRAME = SAMPLE_RATE // 50
_WINDOW = SAMPLE_RATE * WINDOW_S
#: Where a long clip may be cut: the last seconds of a window.
_SEARCH = SAMPLE_RATE * 5


@dataclass(frozen=True, slots=True)
class Heard:
    """Encoded audio, to be decoded any number of times: one entry for each window that is not silent."""

    windows: tuple[Any, ...]


class Whisper:
    """One model in memory; its methods may be called from several threads."""

    def __init__(self, *, workers: int, threads: int) -> None:
        """Load the model, for ``workers`` recognitions at once with ``threads`` CPU threads each.

        They share the weights.

        Raises `PipelineUnavailable`: the model cannot be put into the cache.
        """
        directory = whisper_base()
        self._tokens = Tokens(directory / "tokenizer.json")
        self._model = ctranslate2.models.Whisper(
            os.fspath(directory),
            device="cpu",
            compute_type="int8",
            inter_threads=workers,
            intra_threads=threads,
        )

    def hear(self, samples: Floats) -> Heard:
        """Encode 16 kHz samples in -1 to 1, in windows of at most 30 s; 0.6 s of CPU each."""
        loud = (window for window in windows(samples) if not is_silent(window))
        return Heard(tuple(self._encode(window) for window in loud))

    def language(self, heard: Heard, among: Sequence[str]) -> tuple[str, float]:
        """Return the likeliest of the languages given, and its probability among all that Whisper knows.

        The first window decides; where all is silent the first language, with probability 0.
        """
        if not heard.windows:
            return among[0], 0.0
        found = self._model.detect_language(heard.windows[0])[0]
        known = {token.strip("<|>"): float(probability) for token, probability in found}
        best = max(among, key=lambda code: known.get(code, 0.0))
        return best, known.get(best, 0.0)

    def text(self, heard: Heard, language: str, *, task: str = "transcribe") -> str:
        """Return the words, or with ``task="translate"`` their English; empty if nothing was said.

        Raises `KeyError`: Whisper does not know the language.
        """
        prompt = self._tokens.prompt(language, task)
        texts = (self._decode(window, prompt) for window in heard.windows)
        return " ".join(text for text in texts if text)

    def _encode(self, window: Floats) -> Any:
        return self._model.encode(ctranslate2.StorageView.from_array(log_mel(window)))

    def _decode(self, window: Any, prompt: list[int]) -> str:
        result = self._model.generate(
            window,
            [prompt],
            beam_size=BEAM_SIZE,
            max_length=MAX_TOKENS,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        if result.no_speech_prob > NO_SPEECH_PROBABILITY and result.scores[0] < NO_SPEECH_SCORE:
            return ""
        return self._tokens.text(result.sequences_ids[0])


def windows(samples: Floats) -> list[Floats]:
    """Split the samples into pieces of at most 30 s, each cut at the quietest 20 ms of its last 5 s."""
    pieces = []
    while len(samples) > _WINDOW:
        tail = samples[_WINDOW - _SEARCH : _WINDOW].reshape(-1, _FRAME)
        cut = _WINDOW - _SEARCH + int(np.argmin(np.square(tail).mean(axis=1))) * _FRAME
        pieces.append(samples[:cut])
        samples = samples[cut:]
    return [*pieces, samples]


def is_silent(samples: Floats) -> bool:
    """Whether no 20 ms of the samples are louder than -60 dBFS."""
    whole = len(samples) // _FRAME * _FRAME
    if not whole:
        return True
    loudest = np.square(samples[:whole].reshape(-1, _FRAME)).mean(axis=1).max()
    return bool(loudest < SILENCE_RMS**2)
