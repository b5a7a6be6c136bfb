"""Which pools can do a job, in which order, and why the others cannot."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from scheduling.capability import CapabilityClass
from scheduling.pool_file import PoolFile, admits
from scheduling.requirement import Requirement

#: Pools tried for one job at most; a fleet with more suitable classes builds a pool for the requirement.
MAX_CANDIDATES = 32
#: Requirement pools that one class stands in at most: each costs whenever a node of the class changes.
#: Beyond it, a requirement is served by its 32 most specific classes.
MAX_GATHERED = 64

_NO_FILE = PoolFile()


class WhyNot(StrEnum):
    """Why a class does not serve a requirement: the first check that fails, in this order."""

    NOT_IN_PUBLIC_POOL = "not_in_public_pool"
    MODEL_NOT_AVAILABLE = "model_not_available"
    LANG_PAIR_UNSUPPORTED = "lang_pair_unsupported"
    ASR_LANG_UNSUPPORTED = "asr_lang_unsupported"
    SRC_AUTO_NO_CANDIDATE = "src_auto_no_candidate"
    TTS_LANG_UNSUPPORTED = "tts_lang_unsupported"


@lru_cache(maxsize=2**17)
def why_not(cls: CapabilityClass, req: Requirement) -> WhyNot | None:
    """Return why the class cannot do the job, or None when it can."""
    return next((why for way in req.ways if (why := _why_not_way(cls, way))), None)


def _why_not_way(cls: CapabilityClass, req: Requirement) -> WhyNot | None:
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
    classes: Mapping[str, CapabilityClass],
    req: Requirement,
    limit: int = MAX_CANDIDATES,
    file: PoolFile = _NO_FILE,
) -> list[str]:
    """Return the keys of the classes that serve the requirement, at most ``limit``, most specific first.

    Those of the tenant's configured pool come first, then its own nodes before public ones, narrow classes
    before wide ones.
    """
    return [name for tier in _tiers(classes, req, file) for name in tier][:limit]


def _tiers(
    classes: Mapping[str, CapabilityClass], req: Requirement, file: PoolFile
) -> tuple[list[str], list[str]]:
    """Give the classes that serve a requirement: those of the tenant's configured pool, and the others."""
    serving = [key for key, cls in classes.items() if why_not(cls, req) is None]
    serving.sort(key=lambda key: (classes[key].tenant is None, classes[key].breadth, key))
    own = file.pool_of(req.tenant)
    if own is not None:
        first = [key for key in serving if admits(own, classes[key])]
        return first, [] if file.strict_pool_eligibility else [key for key in serving if key not in first]
    if file.strict_pool_eligibility and file.pools:
        eligible = file.eligible(req)
        return [], [key for key in serving if any(admits(pool, classes[key]) for pool in eligible)]
    return [], serving


@dataclass(frozen=True)
class Links:
    """The pools of a requirement, preferred first, and the classes of those made for it alone."""

    pools: tuple[str, ...] = ()
    gathered: Mapping[str, Sequence[str]] = field(default_factory=dict)


def links_for(classes: Mapping[str, CapabilityClass], req: Requirement, file: PoolFile = _NO_FILE) -> Links:
    """Return what a requirement is to be linked to.

    Its classes themselves, where they are few. Otherwise their nodes are gathered in a pool of its own, and
    so are those of a tenant's configured pool, which go before the others.
    """
    own, others = _tiers(classes, req, file)
    name = f"req-{req.requirement_id}"
    gathered: dict[str, Sequence[str]] = {}
    if own and others:
        gathered[name] = own
        if len(others) >= MAX_CANDIDATES:
            gathered[f"{name}-rest"] = others
            others = [f"{name}-rest"]
        return Links((name, *others), gathered)
    serving = own or others
    return Links((name,), {name: serving}) if len(serving) > MAX_CANDIDATES else Links(tuple(serving))


@dataclass(frozen=True)
class Plan:
    """What follows from the classes, the requirements and the operator's file."""

    links: Mapping[str, list[str]]
    """Requirement id to pools, preferred first."""
    class_pools: Mapping[str, str]
    """Class id to the pools its nodes stand in, space separated."""


def plan(
    classes: Mapping[str, CapabilityClass],
    requirements: Iterable[Requirement],
    file: PoolFile,
    in_force: Mapping[str, str],
) -> Plan:
    """Work out all links and the pools of each class. What is ``in_force`` (class pools) keeps its place."""
    stands = {
        name: [name, *(pool.pool for pool in file.pools if admits(pool, cls))]
        for name, cls in classes.items()
    }
    room = dict.fromkeys(classes, MAX_GATHERED)
    kept = {pool for pools in in_force.values() for pool in pools.split()}
    links: dict[str, list[str]] = {}
    for req in sorted(
        requirements, key=lambda req: (f"req-{req.requirement_id}" not in kept, req.requirement_id)
    ):
        if req.node:
            continue  # its one pool is the node's own
        wanted = links_for(classes, req, file)
        if all(room[name] > 0 for names in wanted.gathered.values() for name in names):
            for pool, names in wanted.gathered.items():
                for name in names:
                    stands[name].append(pool)
                    room[name] -= 1
            links[req.requirement_id] = list(wanted.pools)
        else:
            links[req.requirement_id] = candidates(classes, req, file=file)
    return Plan(links, {name: " ".join([name, *sorted(pools[1:])]) for name, pools in stands.items()})


def served_pairs(classes: Mapping[str, CapabilityClass], tenant: str | None = None) -> set[tuple[str, str]]:
    """Return every pair of languages served from speech to speech to ``tenant``, or to the public."""
    open_to = (cls for cls in classes.values() if cls.tenant is None or cls.tenant == tenant)
    return set().union(*(cls.pairs for cls in open_to))
