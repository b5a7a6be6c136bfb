"""Every page is in the site's navigation once, whichever pages there are."""

from collections.abc import Iterator
from typing import Any

import pytest

from docs.handbook.links import TOP
from docs.handbook.navigation import SECTIONS, markdown_below, navigation
from tests.stack import ROOT

PAGES = [*markdown_below(ROOT / "docs"), *TOP.values()]


def _leaves(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for inside in entry.values():
                yield from _leaves([inside] if isinstance(inside, str) else inside)


def test_every_page_is_in_the_navigation_once() -> None:
    assert sorted(_leaves(navigation(PAGES))) == sorted(PAGES)


def test_a_page_nobody_has_thought_of_stands_at_the_end() -> None:
    assert navigation(["index.md", "new.md", "far/away.md"]) == [
        {"Start": [{"English": "index.md"}]},
        {"More": [{"Far": ["far/away.md"]}, "new.md"]},
    ]


def test_a_folder_stands_where_it_was_put_and_pages_that_are_not_there_are_left_out() -> None:
    pages = ["deploy/vm.md", "deploy/containers.md", "settings.md", "source/agent/pipelines/base.py.md"]
    assert navigation(pages) == [
        {"Operate": [{"Deploy": ["deploy/containers.md", "deploy/vm.md"]}, "settings.md"]}
    ]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_has_pages(section: str) -> None:
    assert any(section in entry for entry in navigation(PAGES) if isinstance(entry, dict))
