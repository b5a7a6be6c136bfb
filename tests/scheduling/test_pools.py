"""Which class serves which requirement, and why another does not."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.capability import CapabilityClass
from scheduling.messages import LanguagePair, NmtCapability, NodeLanguageCapabilities
from scheduling.pool_file import PoolFile, admits
from scheduling.pools import MAX_CANDIDATES, candidates, links_for, served_pairs, why_not
from scheduling.requirement import Requirement
from tests.scheduling.capabilities import CORE, LANGUAGES, TENANTS, classes, node_class, requirements

maps = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), classes, max_size=6)


def polyglot(languages: str, **other: list[str]) -> NodeLanguageCapabilities:
    """State a node that hears, translates, speaks and repairs all the languages, or others where given."""
    codes = languages.split()
    rule = NmtCapability(model_id="m", languages=codes, rule="any_to_any")
    stated = NodeLanguageCapabilities(
        asr_languages=codes, tts_languages=codes, semantic_languages=codes, nmt_capabilities=[rule]
    )
    return stated.model_copy(update=other)


def job(src: str = "zh", tgt: str = "en", services: str = "asr nmt tts", **other: object) -> Requirement:
    return replace(Requirement(src, tgt, frozenset(services.split())), **other)  # type: ignore[arg-type]


def only(*pairs: str) -> list[LanguagePair]:
    return [LanguagePair(src=text[:2], tgt=text[3:]) for text in pairs]


def test_a_node_for_three_languages_serves_each_two_of_them() -> None:
    """A pool used to match its exact language set: a node for de, en and zh never served zh to en."""
    cls = node_class(polyglot("de en zh"))
    assert why_not(cls, job("zh", "en")) is None
    assert why_not(cls, job("zh", "de")) is None
    assert why_not(cls, job("zh", "pt")) == "lang_pair_unsupported"


WIDE = polyglot("de en zh")
SEMANTIC = CORE | {"semantic"}


@pytest.mark.parametrize(
    ("cls", "req", "reason"),
    [
        (node_class(WIDE, tenant="acme"), job(tenant="acme"), None),
        (node_class(WIDE, tenant="acme"), job(tenant="globex"), "not_in_public_pool"),
        (node_class(WIDE, tenant="acme"), job(), "not_in_public_pool"),
        (node_class(WIDE), job(tenant="globex"), None),
        (replace(node_class(WIDE), tenant=""), job(), "not_in_public_pool"),
        (node_class(WIDE, {"asr", "nmt"}), job(), "model_not_available"),
        (node_class(WIDE, {"asr", "nmt"}), job(services="asr nmt"), None),
        (node_class(WIDE), job(services="asr nmt tts tone"), "model_not_available"),
        (node_class(WIDE, SEMANTIC), job(services="asr nmt tts semantic"), None),
        (
            node_class(polyglot("de en zh", semantic_languages=["zh", "de"]), SEMANTIC),
            job(services="asr nmt tts semantic"),
            "model_not_available",
        ),
        (
            node_class(polyglot("de en zh", semantic_languages=["en"]), SEMANTIC),
            job(services="asr nmt tts semantic"),
            "model_not_available",
        ),
        (node_class(WIDE), job("pt", "en"), "lang_pair_unsupported"),
        (node_class(WIDE), job("en", "en"), "lang_pair_unsupported"),
        (node_class(WIDE), job("en", "en", "asr tts"), None),
        (node_class(polyglot("de en zh", asr_languages=["en"])), job(), "asr_lang_unsupported"),
        (node_class(polyglot("de en zh", asr_languages=["en"])), job(services="nmt tts"), None),
        (node_class(polyglot("de en zh", tts_languages=["zh"])), job(), "tts_lang_unsupported"),
        (node_class(polyglot("de en zh", tts_languages=["zh"])), job(services="asr nmt"), None),
        (node_class(None), job(), "lang_pair_unsupported"),
    ],
)
def test_why_not(cls: CapabilityClass, req: Requirement, reason: str | None) -> None:
    assert why_not(cls, req) == reason


@pytest.mark.parametrize(
    ("stated", "auto_langs", "reason"),
    [
        (WIDE, (), None),
        (WIDE, ("zh",), None),
        (WIDE, ("pt", "zh"), None),
        (WIDE, ("pt",), "lang_pair_unsupported"),
        (polyglot("de en zh", asr_languages=["de"]), ("zh",), "src_auto_no_candidate"),
        (polyglot("de en zh", asr_languages=[]), (), "src_auto_no_candidate"),
        (polyglot("de en zh", asr_languages=["en"]), (), "src_auto_no_candidate"),
        (polyglot("en"), (), "lang_pair_unsupported"),
    ],
)
def test_a_speaker_whose_language_is_to_be_recognised(
    stated: NodeLanguageCapabilities, auto_langs: tuple[str, ...], reason: str | None
) -> None:
    """``auto`` as source language used to find no pool at all."""
    assert why_not(node_class(stated), job("auto", "en", auto_langs=auto_langs)) == reason


def test_one_language_must_pass_all_checks_of_an_auto_speaker() -> None:
    """Hearing Chinese and translating German does not make a node for either."""
    stated = NodeLanguageCapabilities(
        asr_languages=["zh"], tts_languages=["en"], supported_language_pairs=only("de>en")
    )
    req = job("auto", "en", auto_langs=("de", "zh"))
    assert why_not(node_class(stated), req) == "src_auto_no_candidate"


def test_own_nodes_come_first_then_narrow_classes() -> None:
    fleet = {
        "a-wide": node_class(WIDE),
        "b-narrow": node_class(polyglot("en zh")),
        "c-own": node_class(WIDE, tenant="acme"),
        "d-other": node_class(polyglot("de pt")),
    }
    assert candidates(fleet, job(tenant="acme")) == ["c-own", "b-narrow", "a-wide"]
    assert candidates(fleet, job()) == ["b-narrow", "a-wide"]
    assert candidates(fleet, job(), limit=1) == ["b-narrow"]


@given(maps, requirements, st.integers(0, 4), st.randoms(use_true_random=False))
def test_candidates_are_those_that_serve_in_one_order(
    fleet: dict[str, CapabilityClass], req: Requirement, limit: int, rng: random.Random
) -> None:
    found = candidates(fleet, req)
    assert set(found) == {key for key, cls in fleet.items() if why_not(cls, req) is None}
    shuffled = dict(rng.sample(list(fleet.items()), len(fleet)))
    assert candidates(shuffled, req) == found
    assert candidates(fleet, req, limit) == found[:limit]


@given(maps, st.sampled_from(TENANTS))
def test_a_pair_is_served_exactly_when_some_class_takes_its_job(
    fleet: dict[str, CapabilityClass], tenant: str | None
) -> None:
    taken = {
        (src, tgt)
        for src in LANGUAGES
        for tgt in LANGUAGES
        if candidates(fleet, Requirement(src, tgt, CORE, tenant))
    }
    assert served_pairs(fleet, tenant) == taken


@given(classes, requirements)
def test_an_auto_job_is_taken_exactly_when_it_would_be_in_some_language(
    cls: CapabilityClass, req: Requirement
) -> None:
    auto = replace(req, src="auto", services=req.services | {"asr", "nmt"})
    spoken = auto.auto_langs or LANGUAGES
    in_some = any(why_not(cls, replace(auto, src=src, auto_langs=())) is None for src in spoken)
    assert (why_not(cls, auto) is None) is in_some


@given(classes, requirements)
def test_needing_less_is_never_harder(cls: CapabilityClass, req: Requirement) -> None:
    if why_not(cls, req) is None:
        for service in req.services:
            assert why_not(cls, replace(req, services=req.services - {service})) is None


TWO_WAY = replace(job("auto", "zh"), two_way=("en", "zh"))


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        (polyglot("de en zh"), None),
        (polyglot("en zh", supported_language_pairs=only("en>zh")), "lang_pair_unsupported"),
        (polyglot("en zh", supported_language_pairs=only("zh>en")), "lang_pair_unsupported"),
        (polyglot("en zh", asr_languages=["en"]), "asr_lang_unsupported"),
        (polyglot("en zh", tts_languages=["en"]), "tts_lang_unsupported"),
    ],
)
def test_talk_in_turn_needs_both_directions(stated: NodeLanguageCapabilities, reason: str | None) -> None:
    assert why_not(node_class(stated), TWO_WAY) == reason


def file_for(tenant: str, strict: bool) -> PoolFile:
    """Give a tenant a pool of those that hear German."""
    return PoolFile.model_validate(
        {
            "pools": [{"pool_id": "own", "language_requirements": {"asr_languages": ["de"]}}],
            "tenant_overrides": [{"tenant_id": tenant, "pool_id": "own"}],
            "strict_pool_eligibility": strict,
        }
    )


@given(maps, requirements, st.sampled_from(["acme", "globex"]), st.booleans(), st.sampled_from([0, 2, 32]))
def test_links_lead_to_every_class_that_may_serve_and_to_no_other(
    fleet: dict[str, CapabilityClass], req: Requirement, tenant: str, strict: bool, most: int
) -> None:
    file = file_for(tenant, strict)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scheduling.pools.MAX_CANDIDATES", most)
        links = links_for(fleet, req, file)
    led = [name for pool in links.pools for name in links.gathered.get(pool, [pool])]
    own = {name for name, cls in fleet.items() if admits(file.pools[0], cls)}
    serving = {name for name, cls in fleet.items() if why_not(cls, req) is None}
    if strict:
        serving &= own if req.tenant == tenant or req.services & CORE == frozenset() else set()
    assert sorted(led) == sorted(serving)
    assert set(links.gathered) <= set(links.pools)
    if req.tenant == tenant and own & serving and serving - own:
        assert set(links.gathered[links.pools[0]]) == own & serving


def test_a_tenants_pool_and_many_others_are_two_links() -> None:
    fleet = {
        f"c{number}": node_class(polyglot(f"en zh x{number}" + (" de" if number < 3 else "")))
        for number in range(MAX_CANDIDATES + 5)
    }
    req = job("zh", "en", tenant="acme")
    links = links_for(fleet, req, file_for("acme", strict=False))
    assert links.pools == (f"req-{req.requirement_id}", f"req-{req.requirement_id}-rest")
    assert [len(links.gathered[pool]) for pool in links.pools] == [3, MAX_CANDIDATES + 2]
    assert candidates(fleet, req, file=file_for("acme", strict=False))[:3] == list(
        links.gathered[links.pools[0]]
    )
