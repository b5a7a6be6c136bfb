"""A capability class: the nodes that can do exactly the same. One class, one pool."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from scheduling.canonical import canonical_json, short_id
from scheduling.messages import CapabilityByType, NodeLanguageCapabilities
from scheduling.translation import Block, fold_all, translated_blocks

#: The tenant of a private node that names none; no job has it.
NOBODY = ""


@dataclass(frozen=True)
class CapabilityClass:
    """What every node of a pool can do.

    ``services`` are the types that are ready; languages are folded, and empty where the service is
    not ready. ``tenant`` is None for nodes that take everybody's jobs.
    """

    services: frozenset[str]
    asr: frozenset[str] = frozenset()
    tts: frozenset[str] = frozenset()
    semantic: frozenset[str] = frozenset()
    blocks: tuple[Block, ...] = ()
    tenant: str | None = None

    def translates(self, src: str, tgt: str) -> bool:
        """Whether folded language ``src`` is translated into ``tgt``; never into itself."""
        return src != tgt and any(src in sources and tgt in targets for sources, targets in self.blocks)

    @cached_property
    def sources(self) -> frozenset[str]:
        """Every language that is translated into some other."""
        return frozenset().union(*(sources for sources, _ in self.blocks))

    @cached_property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """Every pair served from speech to speech. Up to 40,000 of them: not for the request path."""
        if not self.services >= {"asr", "nmt", "tts"}:
            return frozenset()
        return frozenset(
            (src, tgt) for src in self.asr & self.sources for tgt in self.tts if self.translates(src, tgt)
        )

    @cached_property
    def breadth(self) -> int:
        """How much the class can do; a narrow one is used first, so that wide ones stay free."""
        spoken = (len(sources & self.asr) * len(targets & self.tts) for sources, targets in self.blocks)
        return sum(spoken) + len(self.services)

    def within(self, languages: frozenset[str] | None) -> "CapabilityClass":
        """Leave out all but these folded languages; None leaves all."""
        if languages is None:
            return self
        narrowed = {(sources & languages, targets & languages) for sources, targets in self.blocks}
        whole = [block for block in narrowed if all(block)]
        return replace(
            self,
            asr=self.asr & languages,
            tts=self.tts & languages,
            semantic=self.semantic & languages,
            blocks=tuple(sorted(whole, key=lambda block: (sorted(block[0]), sorted(block[1])))),
        )

    def canonical(self) -> str:
        """Write the class as JSON: equal classes, and only they, give equal text."""
        return canonical_json(
            {
                "asr": sorted(self.asr),
                "blocks": [[sorted(sources), sorted(targets)] for sources, targets in self.blocks],
                "semantic": sorted(self.semantic),
                "services": sorted(self.services),
                "tenant": self.tenant,
                "tts": sorted(self.tts),
            }
        )

    @classmethod
    @lru_cache(maxsize=2**10)
    def from_canonical(cls, text: str | bytes) -> "CapabilityClass":
        """Read what ``canonical`` wrote; equal text gives the same object, so what it knows is kept."""
        data = json.loads(text)
        return cls(
            services=frozenset(data["services"]),
            asr=frozenset(data["asr"]),
            tts=frozenset(data["tts"]),
            semantic=frozenset(data["semantic"]),
            blocks=tuple((frozenset(sources), frozenset(targets)) for sources, targets in data["blocks"]),
            tenant=data["tenant"],
        )

    @cached_property
    def class_id(self) -> str:
        """The class's name in Redis, 16 hex digits."""
        return short_id(self.canonical())


def capability_class(
    capability_by_type: Sequence[CapabilityByType],
    language_capabilities: NodeLanguageCapabilities | None,
    accept_public_jobs: bool = True,
    tenant: str | None = None,
) -> CapabilityClass:
    """Return the class of a node, from what it registered or last reported.

    A node without ``language_capabilities`` serves no language. ``tenant`` is the one its credential
    names, and counts only where the node declines public jobs.
    """
    services = frozenset(str(entry.type) for entry in capability_by_type if entry.ready)
    stated = language_capabilities or NodeLanguageCapabilities()
    return CapabilityClass(
        services=services,
        asr=_if_ready(services, "asr", stated.asr_languages),
        tts=_if_ready(services, "tts", stated.tts_languages),
        semantic=_if_ready(services, "semantic", stated.semantic_languages),
        blocks=translated_blocks(stated) if "nmt" in services else (),
        tenant=None if accept_public_jobs else tenant or NOBODY,
    )


def _if_ready(services: frozenset[str], service: str, languages: Iterable[str] | None) -> frozenset[str]:
    return fold_all(languages) if service in services else frozenset()
