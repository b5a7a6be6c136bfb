"""A requirement: what a job needs of a node. Jobs wait, and are linked to pools, by it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from scheduling.canonical import canonical_json, short_id
from scheduling.languages import AUTO, fold
from scheduling.messages import PipelineConfig
from scheduling.translation import fold_all

#: A speaker who may use more languages than this may use any: lists of clients must not make ever new
#: requirements.
MOST_AUTO_LANGS = 4

#: Requirements that need not be worked out again: clients ask for the same over and over.
_REMEMBERED = 1024
#: Services for which it matters what is spoken, and into what it goes.
_HEARS = frozenset({"asr", "nmt", "semantic"})
_SPEAKS = frozenset({"nmt", "tts", "semantic"})


@dataclass(frozen=True)
class Requirement:
    """Languages (folded) and services of a job, and whose job it is.

    A language is empty where no service asks for it. ``auto_langs`` are the languages a speaker of ``auto``
    may use, sorted; none means any. ``two_way`` are two languages, sorted, that two people speak in turn:
    a node must then serve both directions. With ``node`` no other node will do.
    """

    src: str
    tgt: str
    services: frozenset[str]
    tenant: str | None = None
    auto_langs: tuple[str, ...] = ()
    two_way: tuple[str, ...] = ()
    node: str = ""

    @property
    def ways(self) -> tuple["Requirement", ...]:
        """The directions a node must serve, each as a requirement of its own."""
        if not self.two_way:
            return (self,)
        one, other = self.two_way
        plain = replace(self, two_way=(), auto_langs=())
        return replace(plain, src=one, tgt=other), replace(plain, src=other, tgt=one)

    @property
    def words(self) -> str:
        """Its languages, for a reader."""
        return "↔".join(self.two_way) or f"{self.src}→{self.tgt}"

    @property
    def is_auto(self) -> bool:
        """Whether the source language is to be recognised."""
        return self.src == AUTO

    def canonical(self) -> str:
        """Write the requirement as JSON: equal ones, and only they, give equal text."""
        return self._canonical

    @cached_property
    def _canonical(self) -> str:
        return canonical_json(
            {
                "auto_langs": list(self.auto_langs),
                "node": self.node,
                "services": sorted(self.services),
                "src": self.src,
                "tenant": self.tenant,
                "tgt": self.tgt,
                "two_way": list(self.two_way),
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
            two_way=tuple(data.get("two_way", ())),
            node=data.get("node", ""),
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
    two_way: Iterable[str | None] | None = None,
    known: frozenset[str] | None = None,
    require_semantic: bool = False,
) -> Requirement:
    """Return what a job from ``src`` to ``tgt`` needs.

    Semantic repair is done where the chosen node can, so it is needed only with ``require_semantic``,
    when the session itself asked for it. A blank tenant is none. ``two_way`` are the languages of a session
    in which two people speak in turn; they count where the job is from one of them, or ``auto``, to the other
    one. ``known`` are the
    languages that nodes hear: those of ``auto_langs`` that nobody hears are left out, unless it is all.
    """
    asked = tuple(
        service
        for service, used in (
            ("asr", pipeline.use_asr),
            ("nmt", pipeline.use_nmt),
            ("tts", pipeline.use_tts),
            ("tone", pipeline.use_tone),
            ("semantic", pipeline.use_semantic and require_semantic),
        )
        if used
    )
    return _requirement(src, tgt, asked, tenant, tuple(auto_langs or ()), tuple(two_way or ()), known)


@lru_cache(maxsize=_REMEMBERED)
def _requirement(
    src: str,
    tgt: str,
    asked: tuple[str, ...],
    tenant: str | None,
    auto_langs: tuple[str, ...],
    two_way: tuple[str | None, ...],
    known: frozenset[str] | None,
) -> Requirement:
    services = frozenset(asked)
    source = fold(src) if services & _HEARS else ""
    target = fold(tgt) if services & _SPEAKS else ""
    both = tuple(sorted(fold_all(filter(None, two_way))))
    if len(both) != 2 or target not in both or source not in {AUTO, *both} - {target}:
        both = ()
    spoken = fold_all(auto_langs) - {target} if source == AUTO and not both else frozenset()
    if known is not None:
        spoken = spoken & known or spoken
    return Requirement(
        src=AUTO if both else source,
        tgt=both[1] if both else target,
        services=services,
        tenant=(tenant or "").strip() or None,
        auto_langs=tuple(sorted(spoken)) if len(spoken) <= MOST_AUTO_LANGS else (),
        two_way=both,
    )
