"""Configured pools: what an operator wrote in ``POOLS_FILE``, validated, and as every process agrees on it.

The file is TOML. A worker reads it, puts it into Redis, and looks now and then whether it has changed.
"""

import tomllib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from scheduling.capability import CapabilityClass
from scheduling.errors import DispatchError
from scheduling.languages import fold
from scheduling.requirement import Requirement
from scheduling.translation import NO_LANGUAGES

Service = Literal["asr", "nmt", "tts", "semantic", "tone"]
Rule = Literal["any_to_any", "any_to_en", "en_to_any", "specific_pairs"]

#: The services that ``pool_match_scope = "core_only"`` compares.
_CORE = frozenset({"asr", "nmt", "tts"})


class PoolFileError(DispatchError):
    """The file cannot be used. ``sentences`` name each place in it and what to write there."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = tuple(sentences)


def _language(code: str) -> str:
    plain = fold(code)
    if plain in NO_LANGUAGES or not plain.replace("-", "").isalnum() or len(plain) > 35:
        raise ValueError('is no language code. Write one such as "en" or "pt-br"')
    return plain


def _name(value: object) -> object:
    """Numbers are taken as names: pool ids used to be numbers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Language = Annotated[str, AfterValidator(_language)]
Name = Annotated[str, BeforeValidator(_name), Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Tenant = Annotated[str, Field(min_length=1, max_length=128)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pair(_Table):
    """A direction of translation."""

    src: Language
    tgt: Language


class NmtRequirements(_Table):
    """What the nodes of a pool must translate: a rule over languages, or pairs."""

    languages: tuple[Language, ...] = ()
    rule: Rule
    supported_pairs: tuple[Pair, ...] = ()
    blocked_pairs: tuple[Pair, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.rule == "specific_pairs":
            if not self.supported_pairs:
                raise ValueError(
                    'supported_pairs is missing. Write a list such as [{ src = "en", tgt = "de" }]'
                )
        elif not self.languages:
            raise ValueError('languages is missing. Write a list such as ["de", "en"]')
        return self

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every pair a node must translate."""
        blocked = {(pair.src, pair.tgt) for pair in self.blocked_pairs}
        yield from (pair for pair in self._named() if pair not in blocked and pair[0] != pair[1])

    def _named(self) -> Iterator[tuple[str, str]]:
        if self.rule == "specific_pairs":
            return ((pair.src, pair.tgt) for pair in self.supported_pairs)
        sources = ("en",) if self.rule == "en_to_any" else self.languages
        targets = ("en",) if self.rule == "any_to_en" else self.languages
        return ((src, tgt) for src in sources for tgt in targets)


class LanguageRequirements(_Table):
    """Languages that every node of a pool must have: all those named."""

    asr_languages: tuple[Language, ...] = ()
    tts_languages: tuple[Language, ...] = ()
    semantic_languages: tuple[Language, ...] = ()
    nmt_requirements: NmtRequirements | None = None


class ConfiguredPool(_Table):
    """A pool by name: the nodes that have at least what it asks for."""

    pool_id: Name
    name: str = ""
    required_services: tuple[Service, ...] = ()
    language_requirements: LanguageRequirements = LanguageRequirements()

    @property
    def pool(self) -> str:
        """Its name among all pools."""
        return f"cfg-{self.pool_id}"


class TenantOverride(_Table):
    """A tenant whose jobs go to a pool before any other; with ``strict_pool_eligibility`` nowhere else."""

    tenant_id: Tenant
    pool_id: Name


class PoolFile(_Table):
    """All definitions; without any, pools are the capability classes alone."""

    pools: tuple[ConfiguredPool, ...] = ()
    tenant_overrides: tuple[TenantOverride, ...] = ()
    strict_pool_eligibility: bool = False
    pool_match_scope: Literal["core_only", "all_required"] = "core_only"
    pool_match_mode: Literal["contains", "exact"] = "contains"
    node_tenants: dict[str, Tenant] = Field(default_factory=dict)
    """Node id to the tenant whose jobs a private node takes."""
    credential_tenants: dict[str, Tenant] = Field(default_factory=dict)
    """The same by fingerprint of the node's credential, which wins."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        known = [pool.pool_id for pool in self.pools]
        if doubled := sorted({name for name in known if known.count(name) > 1}):
            raise ValueError(f"pool_id {doubled[0]!r} is used by two pools. Give each its own")
        tenants = [override.tenant_id for override in self.tenant_overrides]
        for number, override in enumerate(self.tenant_overrides):
            if override.pool_id not in known:
                names = ", ".join(known) or "none yet"
                raise ValueError(
                    f"tenant_overrides[{number}].pool_id: there is no pool {override.pool_id!r}. "
                    f"Write one of those defined: {names}"
                )
            if tenants.count(override.tenant_id) > 1:
                raise ValueError(
                    f"tenant_overrides[{number}].tenant_id: {override.tenant_id!r} has two pools. Leave one"
                )
        return self

    def pool_of(self, tenant: str | None) -> ConfiguredPool | None:
        """Give the pool that a tenant's jobs go to first."""
        wanted = next((item.pool_id for item in self.tenant_overrides if item.tenant_id == tenant), None)
        return next((pool for pool in self.pools if pool.pool_id == wanted), None)

    def eligible(self, requirement: Requirement) -> list[ConfiguredPool]:
        """Give the pools whose services fit the job's, as ``pool_match_scope`` and ``_mode`` say."""
        scope = _CORE if self.pool_match_scope == "core_only" else None
        wanted = requirement.services & scope if scope else requirement.services
        return [pool for pool in self.pools if self._fits(wanted, frozenset(pool.required_services), scope)]

    def _fits(self, wanted: frozenset[str], offered: frozenset[str], scope: frozenset[str] | None) -> bool:
        if self.pool_match_mode == "contains":
            return wanted <= offered
        return wanted == (offered & scope if scope else offered)

    def tenant_of(self, node_id: str, fingerprint: str) -> str | None:
        """Give the tenant that a node belongs to; None when the file names none."""
        by_credential = self.credential_tenants.get(fingerprint) if fingerprint else None
        return by_credential or self.node_tenants.get(node_id)

    @property
    def tenants(self) -> frozenset[str]:
        """Tenants whose jobs are treated otherwise than everybody's."""
        return frozenset(item.tenant_id for item in self.tenant_overrides)

    def canonical(self) -> str:
        """Write it as JSON, as it is kept in Redis; empty for no definitions at all."""
        return "" if self == PoolFile() else self.model_dump_json(exclude_defaults=True)

    @classmethod
    def from_canonical(cls, text: str | bytes | None) -> "PoolFile":
        """Read what ``canonical`` wrote."""
        return cls.model_validate_json(text) if text else cls()


@lru_cache(maxsize=2**14)
def admits(pool: ConfiguredPool, cls: CapabilityClass) -> bool:
    """Whether the nodes of a class have all that a pool asks for."""
    asked = pool.language_requirements
    spoken = (
        cls.services.issuperset(pool.required_services)
        and cls.asr.issuperset(asked.asr_languages)
        and cls.tts.issuperset(asked.tts_languages)
        and cls.semantic.issuperset(asked.semantic_languages)
    )
    nmt = asked.nmt_requirements
    return spoken and (nmt is None or all(cls.translates(src, tgt) for src, tgt in nmt.pairs()))


def load(path: str | Path) -> PoolFile:
    """Read and check a file. Raises `PoolFileError` with a sentence for everything that is wrong."""
    name = Path(path).name
    try:
        data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise PoolFileError([f"{path} cannot be read: {error.strerror}."]) from None
    except UnicodeDecodeError:
        raise PoolFileError([f"{name} is not UTF-8 text. Save it as UTF-8."]) from None
    except tomllib.TOMLDecodeError as error:
        raise PoolFileError([f"{name} is not TOML: {error}."]) from None
    try:
        return PoolFile.model_validate(data)
    except ValidationError as error:
        raise PoolFileError([_sentence(name, item) for item in error.errors()]) from None


#: What to write, by the kind of mistake; others say so themselves.
_ADVICE = {
    "missing": "is missing. Add it",
    "extra_forbidden": "is not known here. Check the spelling, or leave it out",
    "string_type": "is not text. Put it in quotes",
    "string_pattern_mismatch": "must be 1 to 64 letters, digits and . _ -",
    "string_too_short": "is empty. Write a name",
    "string_too_long": "is too long. Write 128 characters at most",
    "tuple_type": 'is not a list. Write one such as ["en", "de"]',
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "model_type": "is not a table. Write it as [table] or { key = value }",
    "dict_type": "is not a table. Write it as [table] or { key = value }",
}


def _sentence(name: str, item: Any) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in item["loc"]).lstrip(".")
    if item["type"] == "literal_error":
        says = f"is {item['input']!r}. Write one of {item['ctx']['expected']}"
    elif item["type"] == "value_error":
        says = str(item["ctx"]["error"])
    else:
        says = _ADVICE.get(item["type"], item["msg"])
    return f"{name}: {place} {says}.".replace(":  ", ": ") if place else f"{name}: {says}."
