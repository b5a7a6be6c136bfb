"""The echo pipeline: no models, known answers, a service time you can state. For tests and load.

The answer tells the test what arrived: where the audio is printable ASCII, that text is what was
"recognised"; for real audio it is its size. The translation is the same text behind its language
pair, and the spoken translation is the audio that came in. Two markers steer it:

* no audio: nothing was said, all empty;
* ``fail:CODE:sentence``: the job fails with that code and sentence.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable

from agent.pipelines.base import (
    Capabilities,
    Pair,
    PipelineError,
    PipelineOptions,
    PipelineResult,
    PipelineUnavailable,
    Progress,
    Service,
    audio_of,
)
from scheduling.messages import ExtraResult, JobAssign, ServiceTimings, ServiceType

#: What ``--pairs '*'`` claims: the languages the agents in the field list most.
LANGUAGES = ("ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "ru", "th", "vi", "zh")

#: Spread of the lognormal service time. 0.5 puts the 99th percentile at 2.8 times the mean, about what
#: a recogniser shows over utterances of mixed length.
LOGNORMAL_SIGMA = 0.5

_DRAWS: dict[str, Callable[[random.Random, float], float]] = {
    "fixed": lambda _, mean: mean,
    "exponential": lambda source, mean: source.expovariate(1 / mean) if mean else 0.0,
    "lognormal": lambda source, mean: (
        source.lognormvariate(math.log(mean) - LOGNORMAL_SIGMA**2 / 2, LOGNORMAL_SIGMA) if mean else 0.0
    ),
}

DISTRIBUTIONS = tuple(_DRAWS)


class EchoPipeline:
    """Answers every job with what came in, after the stated service time."""

    name = "echo"

    def __init__(self, options: PipelineOptions) -> None:
        if options.service_distribution not in _DRAWS:
            raise PipelineUnavailable(
                f"There is no service time distribution '{options.service_distribution}': "
                f"use {', '.join(DISTRIBUTIONS)}."
            )
        self._options = options
        self._pairs = parse_pairs(options.pairs)
        self._draw = _DRAWS[options.service_distribution]
        self._random = random.Random(options.seed)
        self._lock = threading.Lock()

    def load(self) -> None:
        """Nothing to load."""

    def capabilities(self) -> Capabilities:
        """Three services on the CPU, for the pairs of the options."""
        pairs = self._pairs
        return Capabilities(
            services=(
                Service("echo-asr", ServiceType.ASR),
                Service("echo-nmt", ServiceType.NMT),
                Service("echo-tts", ServiceType.TTS),
            ),
            asr_languages=LANGUAGES if pairs is None else tuple(sorted({src for src, _ in pairs})),
            tts_languages=LANGUAGES if pairs is None else tuple(sorted({tgt for _, tgt in pairs})),
            pairs=pairs,
        )

    def process(self, job: JobAssign, progress: Progress) -> PipelineResult:
        """Wait for the service time, then give the audio back.

        Raises `PipelineError`: the audio says ``fail:CODE:sentence``.
        """
        audio = audio_of(job)
        text = heard(audio)
        service_s = self.service_s()
        self._show_partials(text, service_s, progress)
        if text.startswith("fail:"):
            raise _stated_failure(text)
        return PipelineResult(
            text_asr=text,
            text_translated=f"[{job.src_lang}-{job.tgt_lang}] {text}" if text else "",
            tts_audio=audio,
            tts_format=job.audio_format,
            extra=ExtraResult(service_timings=ServiceTimings(total_ms=round(service_s * 1000))),
        )

    def service_s(self) -> float:
        """Draw the next service time in s."""
        with self._lock:
            return self._draw(self._random, self._options.service_ms) / 1000

    def _show_partials(self, text: str, service_s: float, progress: Progress) -> None:
        """Sleep the service time, cut into as many pieces as there are partial texts to show."""
        steps = self._options.partials
        for step in range(1, steps + 1):
            progress.sleep(service_s / (steps + 1))
            progress.partial(text[: max(1, len(text) * step // steps)], is_final=step == steps)
        progress.sleep(service_s / (steps + 1))


def heard(audio: bytes) -> str:
    """Return the audio as text if all of it is printable ASCII, else its size."""
    if all(32 <= byte < 127 for byte in audio):
        return audio.decode("ascii")
    return f"{len(audio)} bytes"


def _stated_failure(text: str) -> PipelineError:
    code, _, sentence = text.removeprefix("fail:").partition(":")
    return PipelineError(code or "PROCESSING_ERROR", sentence or "The audio asked to fail.")


def parse_pairs(text: str) -> tuple[Pair, ...] | None:
    """``en-pt,pt-en`` as pairs; ``*`` (every pair) as None.

    Raises `PipelineUnavailable`: an entry is not of the form ``source-target``.
    """
    if text.strip() == "*":
        return None
    pairs = [tuple(part.strip().split("-")) for part in text.split(",")]
    if not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise PipelineUnavailable(f"'{text}' is no list of language pairs: write en-pt,pt-en or *.")
    return tuple((pair[0], pair[1]) for pair in pairs)
