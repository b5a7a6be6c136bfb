"""Sentences, one at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.pipelines.speech.translate import Translator, sentences


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("  Hello.  ", ["Hello."]),
        ("Who? Me! Yes.", ["Who?", "Me!", "Yes."]),
        ("And Mr. John Dashwood came. Dr. Who did not.", ["And Mr. John Dashwood came.", "Dr. Who did not."]),
        ("It costs 3.50 today", ["It costs 3.50 today"]),
    ],
)
def test_splits_at_the_ends_of_sentences(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


@given(st.text(" .!?MrDSa", max_size=40))
def test_no_word_is_lost_in_splitting(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


def test_translates_every_sentence_both_ways() -> None:
    """Given several sentences at once the model drops some; its package's clean-up breaks "do"."""
    translator = Translator()
    english = translator.translate("Bom dia. Onde fica a estação? O que você pode fazer por nós?", "pt", "en")
    assert english.count("?") == 2 and "morning" in english and "station" in english
    assert "do for us" in english
    assert "trem" in translator.translate("I take the train.", "en", "pt")
    with pytest.raises(KeyError):
        translator.translate("Hallo", "de", "en")
