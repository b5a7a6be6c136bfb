"""The README in Chinese says what the one in English says: it lacked two paragraphs, and nothing noticed."""

import re

import pytest

from tests.stack import ROOT

_ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
_CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(r"`([^`\n]+)`", id="commands and names"),
        pytest.param(r"\]\((?!README)([^)]+)\)", id="links"),
        pytest.param(r"^    (\S.*?)(?: +#.*)?$", id="lines to type"),
        pytest.param(r"^(##?) ", id="headings"),
        pytest.param(r"^(\|)", id="rows of tables"),
        pytest.param(r"(?:src|srcset)=\"([^\"]+)", id="pictures"),
    ],
)
def test_both_languages_have_the_same(what: str) -> None:
    english, chinese = (sorted(re.findall(what, text, re.MULTILINE)) for text in (_ENGLISH, _CHINESE))
    assert english
    assert english == chinese
