"""What nodes may state about themselves, for property tests: few languages, so that things meet."""

from hypothesis import strategies as st

from scheduling.capability import CapabilityClass, capability_class
from scheduling.messages import (
    CapabilityByType,
    LanguagePair,
    NmtCapability,
    NodeLanguageCapabilities,
    ServiceType,
)
from scheduling.requirement import Requirement

LANGUAGES = ("de", "en", "zh", "pt")
SPELLINGS = (*LANGUAGES, "zh-CN", "EN", "en-US", "pt-BR", "auto", "")
TENANTS = (None, "acme", "globex")
RULES = ("any_to_any", "any_to_en", "en_to_any", "specific_pairs", "a_rule_of_tomorrow")
CORE = frozenset({"asr", "nmt", "tts"})

language_lists = st.lists(st.sampled_from(SPELLINGS), max_size=5)
pairs = st.builds(LanguagePair, src=st.sampled_from(SPELLINGS), tgt=st.sampled_from(SPELLINGS))
pair_lists = st.lists(pairs, max_size=6)
models = st.builds(
    NmtCapability,
    model_id=st.just("m"),
    languages=language_lists,
    rule=st.sampled_from(RULES),
    blocked_pairs=st.none() | pair_lists,
    supported_pairs=st.none() | pair_lists,
)
stated_languages = st.builds(
    NodeLanguageCapabilities,
    asr_languages=st.none() | language_lists,
    tts_languages=st.none() | language_lists,
    semantic_languages=st.none() | language_lists,
    nmt_capabilities=st.none() | st.lists(models, max_size=3),
    supported_language_pairs=st.none() | pair_lists,
)
service_sets = st.just(CORE | {"semantic"}) | st.frozensets(
    st.sampled_from(["asr", "nmt", "tts", "semantic", "tone"])
)


def capabilities(ready: frozenset[str] | set[str]) -> list[CapabilityByType]:
    """Report every type of service, those in ``ready`` as ready."""
    known = [service for service in ServiceType if service is not ServiceType.UNKNOWN]
    return [CapabilityByType(type=service, ready=service in ready) for service in known]


def node_class(
    stated: NodeLanguageCapabilities | None,
    ready: frozenset[str] | set[str] = CORE,
    tenant: str | None = None,
) -> CapabilityClass:
    """Return the class of a public node, or of a tenant's own."""
    return capability_class(capabilities(ready), stated, tenant is None, tenant)


classes = st.builds(node_class, stated_languages, service_sets, st.sampled_from(TENANTS))
auto_langs = st.lists(st.sampled_from(LANGUAGES), unique=True, max_size=2)
requirements = st.builds(
    Requirement,
    src=st.sampled_from((*LANGUAGES, "auto")),
    tgt=st.sampled_from(LANGUAGES),
    services=service_sets,
    tenant=st.sampled_from(TENANTS),
    auto_langs=st.lists(st.sampled_from(LANGUAGES), unique=True, max_size=2).map(
        lambda ls: tuple(sorted(ls))
    ),
)
