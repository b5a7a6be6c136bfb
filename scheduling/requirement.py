"""A requirement: what a job needs of a node. Jobs wait, and are linked to pools, by it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from scheduling.canonical import canonical_json, short_id
from scheduling.languages import AUTO, fold
from scheduling.messages import PipelineConfig
from scheduling.translation import fold_all


@dataclass(frozen=True)
class Requirement:
    """Languages (folded) and services of a job, and whose job it is.

    ``auto_langs`` are the languages a speaker of ``auto`` may use, sorted; none means any.
    """

    src: str
    tgt: str
    services: frozenset[str]
    tenant: str | None = None
    auto_langs: tuple[str, ...] = ()

    @property
    def is_auto(self) -> bool:
        """Whether the source language is to be recognised."""
        return self.src == AUTO

    def canonical(self) -> str:
        """Write the requirement as JSON: equal ones, and only they, give equal text."""
        return canonical_json(
            {
                "auto_langs": list(self.auto_langs),
                "services": sorted(self.services),
                "src": self.src,
                "tenant": self.tenant,
                "tgt": self.tgt,
            }
        )

    @classmethod
    def from_canonical(cls, text: str | bytes) -> "Requirement":
        """Read what ``canonical`` wrote."""
        data = json.loads(text)
        return cls(
            src=data["src"],
            tgt=data["tgt"],
            services=frozenset(data["services"]),
            tenant=data["tenant"],
            auto_langs=tuple(data["auto_langs"]),
        )

    @cached_property
    def requirement_id(self) -> str:
        """The requirement's name in Redis, 16 hex digits."""
        return short_id(self.canonical())


def requirement_for(
    src: str,
    tgt: str,
    pipeline: PipelineConfig,
    tenant: str | None = None,
    auto_langs: Iterable[str] | None = None,
    *,
    require_semantic: bool = False,
) -> Requirement:
    """Return what a job from ``src`` to ``tgt`` needs.

    Semantic repair is done where the chosen node can, so it is needed only with ``require_semantic``,
    when the session itself asked for it. A blank tenant is none.
    """
    source, target = fold(src), fold(tgt)
    candidates = fold_all(auto_langs) - {target} if source == AUTO else frozenset()
    return Requirement(
        src=source,
        tgt=target,
        services=_services(pipeline, require_semantic),
        tenant=(tenant or "").strip() or None,
        auto_langs=tuple(sorted(candidates)),
    )


def _services(pipeline: PipelineConfig, require_semantic: bool) -> frozenset[str]:
    asked = {
        "asr": pipeline.use_asr,
        "nmt": pipeline.use_nmt,
        "tts": pipeline.use_tts,
        "tone": pipeline.use_tone,
        "semantic": pipeline.use_semantic and require_semantic,
    }
    return frozenset(service for service, used in asked.items() if used)
