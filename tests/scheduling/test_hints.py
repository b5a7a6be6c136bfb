"""Every code of the protocol has its own sentence, and every other code has one too."""

import pytest

from scheduling.hints import FALLBACK, HINTS, hint
from scheduling.messages import ErrorCode


def test_every_code_has_a_sentence_of_its_own() -> None:
    assert set(HINTS) == {code.value for code in ErrorCode}
    assert len(set(HINTS.values())) == len(HINTS)


@pytest.mark.parametrize("code", ErrorCode)
def test_a_hint_is_one_sentence_that_says_what_to_do(code: ErrorCode) -> None:
    text = hint(code)
    assert text[0].isupper()
    assert text.endswith(".")
    assert ": " in text, "what happened, then what to do"
    assert len(text) <= 100


@pytest.mark.parametrize("code", ["", "PROCESSING_ERROR", "job_timeout", "音频"])
def test_a_code_of_a_nodes_own_gets_the_general_sentence(code: str) -> None:
    assert hint(code) == FALLBACK
