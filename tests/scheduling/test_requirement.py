"""From what a session asks to what a job needs of a node."""

import json

import pytest
from hypothesis import given

from scheduling.messages import PipelineConfig
from scheduling.requirement import MOST_AUTO_LANGS, Requirement, requirement_for
from tests.scheduling.capabilities import CORE, requirements

SPEECH = PipelineConfig(use_asr=True, use_nmt=True, use_tts=True, use_semantic=True)


def test_languages_are_folded() -> None:
    assert requirement_for("zh-CN", "EN-us", SPEECH) == Requirement("zh", "en", CORE)


def test_semantic_repair_is_needed_only_when_the_session_asked() -> None:
    """It is decided for the chosen node otherwise; as a need it would leave most nodes out."""
    assert requirement_for("zh", "en", SPEECH).services == CORE
    assert requirement_for("zh", "en", SPEECH, require_semantic=True).services == CORE | {"semantic"}


def test_services_follow_the_pipeline() -> None:
    text_only = PipelineConfig(use_asr=False, use_nmt=True, use_tts=False, use_tone=True)
    needed = requirement_for("zh", "en", text_only, require_semantic=True).services
    assert needed == {"nmt", "tone"}


@pytest.mark.parametrize(
    ("src", "auto_langs", "kept"),
    [
        ("auto", ["zh-CN", "en", "de", "zh", "auto", ""], ("de", "zh")),
        ("AUTO", None, ()),
        ("auto", ["en"], ()),
        ("zh", ["zh", "de"], ()),
    ],
)
def test_languages_of_an_auto_speaker(src: str, auto_langs: list[str] | None, kept: tuple[str, ...]) -> None:
    req = requirement_for(src, "en", SPEECH, auto_langs=auto_langs)
    assert req.auto_langs == kept
    assert req.is_auto is (src.lower() == "auto")


def test_languages_nobody_asks_for_make_no_requirement_of_their_own() -> None:
    """Clients may name any language; where no service depends on it, it would only split the queue."""
    hear = PipelineConfig(use_asr=True, use_nmt=False, use_tts=False)
    assert requirement_for("zh", "xx", hear) == requirement_for("zh", "en", hear)
    speak = PipelineConfig(use_asr=False, use_nmt=False, use_tts=True)
    assert requirement_for("yy", "en", speak) == requirement_for("zh", "en", speak)


def test_languages_that_no_node_hears_are_left_out() -> None:
    known = frozenset({"de", "zh", "en"})
    spoken = ["de", "xx", "yy"]
    assert requirement_for("auto", "en", SPEECH, auto_langs=spoken, known=known).auto_langs == ("de",)
    assert requirement_for("auto", "en", SPEECH, auto_langs=["xx"], known=known).auto_langs == ("xx",)


def test_who_may_speak_many_languages_may_speak_any() -> None:
    many = [f"l{number}" for number in range(MOST_AUTO_LANGS + 1)]
    assert requirement_for("auto", "en", SPEECH, auto_langs=many).auto_langs == ()
    assert len(requirement_for("auto", "en", SPEECH, auto_langs=many[:-1]).auto_langs) == MOST_AUTO_LANGS


@pytest.mark.parametrize(("src", "tgt"), [("auto", "de"), ("auto", "zh"), ("de", "zh"), ("ZH-cn", "de")])
def test_two_languages_in_turn_are_one_requirement(src: str, tgt: str) -> None:
    """Whoever is the speaker: one queue, and nodes that serve both directions."""
    req = requirement_for(src, tgt, SPEECH, two_way=["zh-CN", "de"], auto_langs=["de", "zh"])
    assert req == Requirement("auto", "zh", CORE, two_way=("de", "zh"))
    assert [(way.src, way.tgt) for way in req.ways] == [("de", "zh"), ("zh", "de")]
    assert Requirement.from_canonical(req.canonical()) == req


@pytest.mark.parametrize("both", [["de"], ["de", "de"], ["de", None], ["de", "zh", "en"], ["fr", "es"], []])
def test_what_is_no_two_way_talk_is_one_way(both: list[str | None]) -> None:
    assert requirement_for("auto", "zh", SPEECH, two_way=both) == requirement_for("auto", "zh", SPEECH)


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_blank_tenant_is_none(blank: str | None) -> None:
    assert requirement_for("zh", "en", SPEECH, blank) == requirement_for("zh", "en", SPEECH)


def test_the_order_of_languages_does_not_matter() -> None:
    one = requirement_for("auto", "en", SPEECH, "acme", ["zh", "de"])
    other = requirement_for("auto", "en", SPEECH, " acme", ["de", "zh"])
    assert one.requirement_id == other.requirement_id


@given(requirements)
def test_the_canonical_text_holds_all_there_is(req: Requirement) -> None:
    text = req.canonical()
    assert Requirement.from_canonical(text) == req
    assert Requirement.from_canonical(text.encode()).canonical() == text
    assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) == text
    assert len(req.requirement_id) == 16


@given(requirements, requirements)
def test_requirements_have_one_name_exactly_when_they_are_equal(one: Requirement, two: Requirement) -> None:
    assert (one == two) is (one.requirement_id == two.requirement_id)
