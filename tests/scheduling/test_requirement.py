"""From what a session asks to what a job needs of a node."""

import json

import pytest
from hypothesis import given

from scheduling.messages import PipelineConfig
from scheduling.requirement import Requirement, requirement_for
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
