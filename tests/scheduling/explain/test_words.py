"""The words are documented, and the document is held to them."""

from pathlib import Path

from scheduling.explain.words import reason, words_table

_PAGE = Path(__file__).parents[3] / "docs" / "operating.md"


def test_the_page_for_operators_has_every_word_as_it_is() -> None:
    assert words_table() in _PAGE.read_text(encoding="utf-8")


def test_a_word_of_a_newer_version_is_said_to_be_unknown() -> None:
    assert "no words" in reason("sleepy").meaning
