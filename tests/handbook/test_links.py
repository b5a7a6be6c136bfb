"""A link that works on a code host works in the site."""

import pytest

from docs.handbook.links import for_site, source_of, targets


def _exists(path: str) -> bool:
    return "nowhere" not in path


@pytest.mark.parametrize(
    ("path", "link", "there"),
    [
        ("README.md", "docs/placement.md", "placement.md"),
        ("README.md", "docs/images/talk.png", "images/talk.png"),
        ("README.md", "README.zh-CN.md", "index.zh-CN.md"),
        ("README.md", "agent/pipelines/base.py", "source/agent/pipelines/base.py.md"),
        ("docs/nodes.md", "../agent/pipelines/base.py", "source/agent/pipelines/base.py.md"),
        ("docs/nodes.md", "../README.md#try-it", "index.md#try-it"),
        ("docs/nodes.md", "errors.md", "errors.md"),
        ("docs/deploy/vm.md", "../settings.md#storage", "../settings.md#storage"),
        ("docs/deploy/vm.md", "../../CHANGELOG.md", "../changelog.md"),
        ("docs/nodes.md", "https://example.org/a.md", "https://example.org/a.md"),
        ("docs/nodes.md", "#here", "#here"),
        ("docs/nodes.md", "nowhere.md", "nowhere.md"),
    ],
)
def test_links_lead_to_their_targets_places_in_the_site(path: str, link: str, there: str) -> None:
    assert for_site(f"see [it]({link}).", path, _exists) == f"see [it]({there}).\n"


def test_a_picture_that_is_a_link_is_led_right_twice() -> None:
    text = "[![talk](docs/images/talk.png)](docs/images/talk.png)"
    assert for_site(text, "README.md", _exists) == "[![talk](images/talk.png)](images/talk.png)\n"


def test_a_picture_for_the_dark_is_led_right_too() -> None:
    text = '<picture><source srcset="docs/images/{0}-dark.png"><img src="docs/images/{0}.png"></picture>'
    there = text.format("talk").replace("docs/images", "images")
    assert for_site(text.format("talk"), "README.md", _exists) == there + "\n"
    assert for_site(text.format("nowhere"), "README.md", _exists) == text.format("nowhere") + "\n"


def test_code_is_left_alone() -> None:
    text = "```\n[it](docs/a.md)\n* x\n```\n\n    [it](docs/a.md)\n"
    assert for_site(text, "README.md", _exists) == text
    assert list(targets(text, "README.md")) == []


def test_a_list_right_below_its_introduction_is_set_apart() -> None:
    """The site's Markdown took such a list for one paragraph."""
    text = "Three things:\n* one\n* two\n"
    assert for_site(text, "docs/a.md", _exists) == "Three things:\n\n* one\n* two\n"
    assert for_site(text.replace("things:", "things:\n"), "docs/a.md", _exists).count("\n\n") == 1


def test_pages_know_what_they_were_made_from() -> None:
    assert [source_of(place) for place in ("index.md", "deploy/vm.md")] == ["README.md", "docs/deploy/vm.md"]
