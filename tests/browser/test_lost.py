"""The page goes on after its server was killed: nothing said is lost, nothing is shown twice."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.stack import Stack

_MS = 40_000


@pytest.mark.timeout(200)
def test_a_page_comes_back_after_its_server_was_killed(open_page: Callable[[str], Page]) -> None:
    with Stack(webs=2, workers=True) as stack, stack.node(("en", "pt"), web=1, slots=4):
        web = stack.webs[0]
        page = open_page(f"http://127.0.0.1:{web.port}/?from=en&to=pt")
        expect(page.locator("body[data-ready=true]")).to_be_attached()
        page.get_by_role("button", name="Speak").click()
        expect(page.locator(".utterance[data-done=true]")).not_to_have_count(0, timeout=_MS)

        web.kill()
        expect(page.locator("#state")).to_have_text("connection lost, trying again …", timeout=_MS)
        stack.restart(web)
        expect(page.locator("#state")).to_have_text("connected", timeout=_MS)

        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".utterance[data-done=false]")).to_have_count(0, timeout=_MS)
        told = [text for text in page.locator(".translated").all_inner_texts() if text]
        assert told == [f"pt {index}" for index in range(len(told))]
        assert len(told) >= 2
