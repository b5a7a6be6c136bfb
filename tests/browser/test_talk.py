"""People speak on the page: alone, and two of them in a room."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look
from tests.stack import Stack

#: Real recognition and translation on a busy machine, ms.
_SPEECH_MS = 90_000
_MS = 30_000


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Give two servers, and a node that recognises, translates and speaks between English and Portuguese."""
    # The CPUs are the node's and those of everything else here: how busy they are says nothing about it.
    with Stack(webs=2, workers=True, resource_threshold=100) as stack:
        node = ["web.command", "node", "--pipeline", "speech", "--url", stack.webs[0].url("/ws/node")]
        stack.start("node", node).wait_log("sees this node as ready")
        yield stack


def _page_of(stack: Stack, query: str = "", web: int = 0) -> str:
    return f"http://127.0.0.1:{stack.webs[web].port}/{query}"


@pytest.mark.timeout(240)
def test_what_is_spoken_is_read_and_heard_in_portuguese(
    stack: Stack, open_page: Callable[[str], Page], look: Look
) -> None:
    page = open_page(_page_of(stack, "?from=en&to=pt"))
    expect(page.locator("body[data-ready=true]")).to_be_attached()
    page.get_by_role("button", name="Speak").click()

    told = page.locator(".utterance", has_text="your country").first
    expect(told.locator(".heard")).to_contain_text("can do for you", timeout=_SPEECH_MS)
    expect(told.locator(".translated")).to_contain_text("país", timeout=_MS)
    expect(page.locator("body")).to_have_attribute("data-played", re.compile("[1-9]"), timeout=_MS)
    for step in ("cut", "placed", "recognised", "translated", "spoken"):
        expect(told.locator(".journey")).to_contain_text(step)

    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".utterance[data-done=false]")).to_have_count(0, timeout=_SPEECH_MS)
    look(page, "talk")
    with page.expect_download() as saved:
        page.get_by_role("button", name="SRT").click()
    text = saved.value.path().read_text(encoding="utf-8")
    assert text.startswith("1\n00:00:")
    assert "can do for you" in text


@pytest.mark.timeout(240)
def test_two_people_talk_in_a_room_across_two_servers(
    stack: Stack, open_page: Callable[[str], Page], look: Look
) -> None:
    ada = open_page(_page_of(stack, "?from=en&to=pt"))
    ada.get_by_label("Your name").fill("Ada")
    ada.get_by_role("button", name="New room").click()
    expect(ada.locator("#members li")).to_have_count(1, timeout=_MS)
    code = ada.locator("#room-code").inner_text()

    rui = open_page(_page_of(stack, f"?from=pt&to=en&room={code}", web=1))
    rui.get_by_label("Your name").fill("Rui")
    rui.get_by_role("button", name="Join").click()
    expect(rui.locator("#members li")).to_have_count(2, timeout=_MS)
    expect(ada.locator("#members")).to_contain_text("Rui · Portuguese", timeout=_MS)

    ada.get_by_role("button", name="Speak").click()
    heard = rui.locator(".utterance", has_text="país").first
    expect(heard.locator(".who")).to_have_text("Ada", timeout=_SPEECH_MS)
    expect(rui.locator("body")).to_have_attribute("data-played", re.compile("[1-9]"), timeout=_MS)
    expect(ada.locator(".who").first).to_have_text("You")
    # Her own words looked as if they were still being worked on, for ever.
    told = ada.locator(".utterance[data-done=true]", has_text="your country").first
    expect(told.locator(".translated")).to_have_text("The others hear it in their own languages.")
    look(rui, "room")
    rui.get_by_role("button", name="Leave").click()
    expect(ada.locator("#members li")).to_have_count(1, timeout=_MS)


def test_long_names_fit_a_phone_and_the_level_is_seen_there(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    """A name of 40 letters made the page wider than the phone, and the level had no height."""
    page = open_page(_page_of(stack, "?from=en&to=pt"))
    page.set_viewport_size({"width": 390, "height": 820})
    page.get_by_label("Your name").fill("W" * 40)
    page.get_by_role("button", name="New room").click()
    expect(page.locator("#members li")).to_have_count(1, timeout=_MS)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("#level").evaluate("level => level.offsetHeight") == 10
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#copy")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#room-link").evaluate(
        "a => a.href"
    )
