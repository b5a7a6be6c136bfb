"""Every block of a document ends, or what follows is shown as a part of it."""

import re

import pytest

from docs.handbook.links import TOP
from docs.handbook.navigation import markdown_below
from tests.stack import ROOT

PAGES = [
    *(page for page in TOP if (ROOT / page).exists()),
    *(f"docs/{page}" for page in markdown_below(ROOT / "docs")),
]


@pytest.mark.parametrize("page", PAGES)
def test_a_fenced_block_ends_before_the_next_begins(page: str) -> None:
    """One in `docs/api.md` had no end: all headings and answers after it were shown the wrong way round."""
    fences = re.findall(r"^ *```(.*)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) % 2 == 0
    assert not [closing for closing in fences[1::2] if closing.strip()]
