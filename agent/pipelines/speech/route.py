"""Which languages a job goes from and to, and who translates between them."""

from __future__ import annotations

from enum import Enum

from agent.pipelines.base import Pair, PipelineError
from agent.pipelines.speech import translate
from scheduling.languages import fold
from scheduling.messages import JobAssign

#: Whisper translates into English by itself; of the languages it does so for, this one is verified.
WHISPER_PAIRS: tuple[Pair, ...] = (("es", "en"),)
PAIRS = (*translate.PAIRS, *WHISPER_PAIRS)
HEARD = tuple(sorted({src for src, _ in PAIRS}))
SPOKEN = tuple(sorted({tgt for _, tgt in PAIRS}))


class Stage(Enum):
    """Who makes the translation."""

    NOBODY = "the languages are the same"
    TRANSLATOR = "from the recognised text"
    WHISPER = "from the audio, while recognising"


def stage_between(src: str, tgt: str) -> Stage:
    """Who translates from ``src`` to ``tgt`` (folded codes).

    Raises `PipelineError`: MODEL_NOT_AVAILABLE, nobody here does.
    """
    if src == tgt and src in HEARD:
        return Stage.NOBODY
    if (src, tgt) in translate.PAIRS:
        return Stage.TRANSLATOR
    if (src, tgt) in WHISPER_PAIRS:
        return Stage.WHISPER
    served = ", ".join("-".join(pair) for pair in PAIRS)
    raise PipelineError(
        "MODEL_NOT_AVAILABLE",
        f"This node does not translate from {src[:20]} to {tgt[:20]}; it serves {served}.",
        {"service_id": "bergamot-tiny11", "service_version": "1.0.0", "reason": "language_pair"},
    )


def possible_sources(job: JobAssign) -> tuple[str, ...]:
    """List what an ``auto`` job may be spoken in: the languages it names, else all heard here; never none."""
    named = job.auto_langs or [code for code in (job.lang_a, job.lang_b) if code]
    known = tuple(code for code in map(fold, named) if code in HEARD)
    return known or HEARD


def target_for(job: JobAssign, src: str) -> str:
    """Choose the language to translate into once the source is known.

    In a two-way conversation whoever speaks the target language is translated into the other one.
    """
    tgt = fold(job.tgt_lang)
    if src == tgt and job.mode == "two_way_auto":
        return next((code for code in possible_sources(job) if code != src), tgt)
    return tgt
