"""From what agents state to capability classes."""

import json
import random
from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.capability import NOBODY, CapabilityClass, capability_class
from scheduling.languages import fold
from scheduling.messages import (
    LanguagePair,
    NmtCapability,
    NodeLanguageCapabilities,
    NodeRegister,
    parse_node_message,
)
from tests.scheduling.capabilities import (
    CORE,
    LANGUAGES,
    SPELLINGS,
    capabilities,
    classes,
    node_class,
    pair_lists,
    service_sets,
    stated_languages,
)
from tests.scheduling.messages.test_codec import recorded

Pairs = set[tuple[str, str]]


def pair(text: str) -> LanguagePair:
    src, tgt = text.split(">")
    return LanguagePair(src=src, tgt=tgt)


def model(
    rule: str, languages: str, blocked: Sequence[str] = (), supported: Sequence[str] = ()
) -> NmtCapability:
    return NmtCapability(
        model_id="m",
        languages=languages.split(),
        rule=rule,
        blocked_pairs=[pair(text) for text in blocked],
        supported_pairs=[pair(text) for text in supported],
    )


def translated(cls: CapabilityClass) -> str:
    return " ".join(f"{src}>{tgt}" for src, tgt in product(LANGUAGES, LANGUAGES) if cls.translates(src, tgt))


@pytest.mark.parametrize(
    ("models", "pairs"),
    [
        ([model("any_to_any", "de en zh")], "de>en de>zh en>de en>zh zh>de zh>en"),
        ([model("any_to_en", "de en zh")], "de>en zh>en"),
        ([model("any_to_en", "de zh")], "de>en zh>en"),
        ([model("en_to_any", "de en zh")], "en>de en>zh"),
        ([model("specific_pairs", "de en zh", supported=["de>zh", "de>de", "auto>en"])], "de>zh"),
        ([model("any_to_any", "de en", supported=["de>zh"])], "de>en en>de"),
        ([model("any_to_any", "de en zh", blocked=["de>zh", "zh>de"])], "de>en en>de en>zh zh>en"),
        (
            [model("any_to_any", "de en", blocked=["de>en"]), model("any_to_en", "de")],
            "de>en en>de",
        ),
        ([model("any_to_any", "zh-CN EN-us auto")], "en>zh zh>en"),
        ([model("all_to_all", "de en")], ""),
        ([], ""),
    ],
)
def test_rules_of_translation_models(models: list[NmtCapability], pairs: str) -> None:
    assert translated(node_class(NodeLanguageCapabilities(nmt_capabilities=models))) == pairs


def test_stated_pairs_win_over_rules() -> None:
    stated = NodeLanguageCapabilities(
        nmt_capabilities=[model("any_to_any", "de en zh")], supported_language_pairs=[pair("zh-CN>en")]
    )
    assert translated(node_class(stated)) == "zh>en"


def test_an_empty_list_of_pairs_states_nothing() -> None:
    """Agents empty the list when they have no semantic repair; such a node served nothing."""
    stated = NodeLanguageCapabilities(
        nmt_capabilities=[model("any_to_en", "de en")], supported_language_pairs=[]
    )
    assert translated(node_class(stated)) == "de>en"


def test_without_a_word_about_translation_every_heard_language_goes_into_every_spoken_one() -> None:
    """Later agents dropped rules and pairs."""
    stated = NodeLanguageCapabilities(
        asr_languages=["zh", "de"], tts_languages=["en"], semantic_languages=["zh"], semantic_core_ready=True
    )
    assert translated(node_class(stated)) == "de>en de>zh zh>en"


def test_languages_of_services_that_are_not_ready_do_not_count() -> None:
    stated = NodeLanguageCapabilities(
        asr_languages=["en"],
        tts_languages=["zh"],
        semantic_languages=["en", "zh"],
        supported_language_pairs=[pair("en>zh")],
    )
    assert node_class(stated, {"tone"}) == CapabilityClass(frozenset({"tone"}))
    assert node_class(None).pairs == frozenset()


@pytest.mark.parametrize(
    ("public", "tenant", "expected"),
    [
        (True, None, None),
        (True, "acme", None),
        (False, "acme", "acme"),
        (False, None, NOBODY),
        (False, "", NOBODY),
    ],
)
def test_a_node_that_declines_public_jobs_belongs_to_a_tenant(
    public: bool, tenant: str | None, expected: str | None
) -> None:
    assert capability_class(capabilities(CORE), None, public, tenant).tenant == expected


def test_the_recorded_agent() -> None:
    """It translates 37 languages, but states only the pairs whose both ends it can repair."""
    message = parse_node_message(recorded("node-agent.jsonl")[0])
    assert isinstance(message, NodeRegister)
    cls = capability_class(message.capability_by_type, message.language_capabilities)
    assert cls.services == CORE | {"tone", "semantic"}
    assert cls.pairs == {("zh", "en"), ("en", "zh")}
    assert len(cls.asr) == len(cls.tts) == 14


def test_many_languages_make_few_blocks() -> None:
    codes = " ".join(f"{a}{b}" for a in "abcdefghij" for b in "klmnopqrstuvwxyzabcd")
    both = [model("any_to_any", codes), model("en_to_any", codes)]
    for models in ([both[0]], [model("any_to_en", codes)], [both[1]], both):
        cls = node_class(NodeLanguageCapabilities(nmt_capabilities=models))
        assert len(cls.blocks) <= 2
        assert len(cls.canonical()) < 5000


@given(classes)
def test_the_canonical_text_holds_all_there_is(cls: CapabilityClass) -> None:
    text = cls.canonical()
    again = CapabilityClass.from_canonical(text)
    assert again == cls
    assert again.canonical() == text
    assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False) == text
    assert CapabilityClass.from_canonical(text.encode()).class_id == cls.class_id
    assert len(cls.class_id) == 16


@given(stated_languages, service_sets, st.randoms(use_true_random=False))
def test_the_order_in_which_an_agent_lists_things_does_not_matter(
    stated: NodeLanguageCapabilities, ready: frozenset[str], rng: random.Random
) -> None:
    lists = {name: value for name, value in stated if isinstance(value, list)}
    shuffled = stated.model_copy(update={name: rng.sample(v + v, len(v) * 2) for name, v in lists.items()})
    assert node_class(shuffled, ready).canonical() == node_class(stated, ready).canonical()


@given(pair_lists)
def test_the_same_pairs_make_the_same_class_however_stated(stated: list[LanguagePair]) -> None:
    """A node that lists its pairs and one that gives them as a rule stand in one pool."""
    specific = NmtCapability(model_id="m", languages=[], rule="specific_pairs", supported_pairs=stated)
    by_rule = node_class(NodeLanguageCapabilities(nmt_capabilities=[specific]))
    allowed = sorted({(fold(p.src), fold(p.tgt)) for p in stated} & set(product(LANGUAGES, LANGUAGES)))
    blocked = [LanguagePair(src=a, tgt=b) for a, b in product(LANGUAGES, LANGUAGES) if (a, b) not in allowed]
    rest = NmtCapability(model_id="m", languages=list(LANGUAGES), rule="any_to_any", blocked_pairs=blocked)
    by_exclusion = node_class(NodeLanguageCapabilities(nmt_capabilities=[rest]))
    assert by_rule == by_exclusion
    assert {p for p in product(LANGUAGES, LANGUAGES) if by_rule.translates(*p)} == {
        (a, b) for a, b in allowed if a != b
    }


@given(stated_languages, service_sets)
def test_nothing_is_translated_that_was_not_stated(
    stated: NodeLanguageCapabilities, ready: frozenset[str]
) -> None:
    expected = plainly_translated(stated) if "nmt" in ready else set()
    cls = node_class(stated, ready)
    codes = {fold(code) for code in SPELLINGS}
    assert {p for p in product(codes, codes) if cls.translates(*p)} == expected


def plainly_translated(stated: NodeLanguageCapabilities) -> Pairs:
    """Say what is translated pair by pair, without blocks: the definition the code is held to."""
    if stated.supported_language_pairs:
        found = folded(stated.supported_language_pairs)
    elif stated.nmt_capabilities is not None:
        found = set().union(*(plainly_by_rule(capability) for capability in stated.nmt_capabilities))
    else:
        targets = (stated.tts_languages or []) + (stated.semantic_languages or [])
        found = {(fold(a), fold(b)) for a, b in product(stated.asr_languages or [], targets)}
    return {(a, b) for a, b in found if a != b and not {a, b} & {"", "auto"}}


def plainly_by_rule(capability: NmtCapability) -> Pairs:
    languages = {fold(code) for code in capability.languages}
    found = {
        "any_to_any": set(product(languages, languages)),
        "any_to_en": set(product(languages, ["en"])),
        "en_to_any": set(product(["en"], languages)),
        "specific_pairs": folded(capability.supported_pairs or []),
    }.get(capability.rule, set())
    return found - folded(capability.blocked_pairs or [])


def folded(pairs: list[LanguagePair]) -> Pairs:
    return {(fold(stated.src), fold(stated.tgt)) for stated in pairs}
