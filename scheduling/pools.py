"""Which pools can do a job, in which order, and why the others cannot."""

from collections.abc import Mapping
from enum import StrEnum

from scheduling.capability import CapabilityClass
from scheduling.requirement import Requirement

#: Pools tried for one job at most; a fleet with more suitable classes builds a pool for the requirement.
MAX_CANDIDATES = 32


class WhyNot(StrEnum):
    """Why a class does not serve a requirement: the first check that fails, in this order."""

    NOT_IN_PUBLIC_POOL = "not_in_public_pool"
    MODEL_NOT_AVAILABLE = "model_not_available"
    LANG_PAIR_UNSUPPORTED = "lang_pair_unsupported"
    ASR_LANG_UNSUPPORTED = "asr_lang_unsupported"
    SRC_AUTO_NO_CANDIDATE = "src_auto_no_candidate"
    TTS_LANG_UNSUPPORTED = "tts_lang_unsupported"


def why_not(cls: CapabilityClass, req: Requirement) -> WhyNot | None:
    """Return why the class cannot do the job, or None when it can."""
    if cls.tenant is not None and cls.tenant != req.tenant:
        return WhyNot.NOT_IN_PUBLIC_POOL
    if not req.services <= cls.services:
        return WhyNot.MODEL_NOT_AVAILABLE
    return _why_not_from(cls, req) or _why_not_to(cls, req)


def _why_not_from(cls: CapabilityClass, req: Requirement) -> WhyNot | None:
    """Narrow the languages the speaker may use to those that every needed service takes."""
    sources = _possible_sources(cls, req)
    if "semantic" in req.services:
        sources &= cls.semantic
        if not sources or req.tgt not in cls.semantic:
            return WhyNot.MODEL_NOT_AVAILABLE
    if "nmt" in req.services:
        sources = frozenset(src for src in sources if cls.translates(src, req.tgt))
        if not sources:
            return WhyNot.LANG_PAIR_UNSUPPORTED
    if "asr" in req.services and not sources & cls.asr:
        return WhyNot.SRC_AUTO_NO_CANDIDATE if req.is_auto else WhyNot.ASR_LANG_UNSUPPORTED
    return None


def _possible_sources(cls: CapabilityClass, req: Requirement) -> frozenset[str]:
    if not req.is_auto:
        return frozenset({req.src})
    return frozenset(req.auto_langs) or cls.asr | cls.sources


def _why_not_to(cls: CapabilityClass, req: Requirement) -> WhyNot | None:
    if "tts" in req.services and req.tgt not in cls.tts:
        return WhyNot.TTS_LANG_UNSUPPORTED
    return None


def candidates(
    classes: Mapping[str, CapabilityClass], req: Requirement, limit: int = MAX_CANDIDATES
) -> list[str]:
    """Return the keys of the classes that serve the requirement, at most ``limit``, most specific first.

    A tenant's own nodes come before public ones, narrow classes before wide ones.
    """
    serving = [key for key, cls in classes.items() if why_not(cls, req) is None]
    serving.sort(key=lambda key: (classes[key].tenant is None, classes[key].breadth, key))
    return serving[:limit]


def served_pairs(classes: Mapping[str, CapabilityClass], tenant: str | None = None) -> set[tuple[str, str]]:
    """Return every pair of languages served from speech to speech to ``tenant``, or to the public."""
    open_to = (cls for cls in classes.values() if cls.tenant is None or cls.tenant == tenant)
    return set().union(*(cls.pairs for cls in open_to))
