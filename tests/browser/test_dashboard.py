"""The dashboard follows the fleet by itself."""

import json
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PICTURES, Look
from tests.peers import FakeClient
from tests.stack import Stack
from tests.web.api.test_fleet import model_hub

_MS = 30_000


@pytest.fixture
def stack() -> Iterator[Stack]:
    with Stack(workers=True) as stack:
        yield stack


@pytest.mark.timeout(200)
def test_a_drained_node_is_seen_without_a_reload(
    stack: Stack, open_page: Callable[[str], Page], look: Look
) -> None:
    pairs = [("en", "pt"), ("pt", "en"), ("es", "en"), ("de", "en")]
    with (
        stack.node(*pairs, node_id="gpu-lisbon-1", slots=4) as node,
        stack.node(*pairs[:2], node_id="gpu-bonn", slots=2),
        stack.client("en", "pt") as client,
    ):
        for nth in range(1, 13):
            client.say()
            client.result(nth)
        page = open_page(f"http://127.0.0.1:{stack.webs[0].port}/dashboard")
        row = page.locator("#nodes tr", has_text=node.node_id)
        expect(row.locator(".status")).to_have_text("ready", timeout=_MS)
        expect(page.locator("#tiles")).to_contain_text("of 2")
        expect(page.locator("#pools")).to_contain_text("en→pt")
        expect(page.locator("#rates svg")).to_be_visible()

        _drain(stack, node.node_id)
        expect(row.locator(".status")).to_have_text("draining", timeout=_MS)
        expect(row).to_contain_text("draining")
        expect(page.locator("#tiles")).to_contain_text("1 draining")
        if PICTURES:
            _speak(client, page)
        look(page, "dashboard")


def test_the_services_of_the_model_hub_are_listed(open_page: Callable[[str], Page]) -> None:
    """Their versions were not: the page looked for them under names that no hub uses."""
    with model_hub() as url, Stack(model_hub_url=url) as own:
        page = open_page(f"http://127.0.0.1:{own.webs[0].port}/dashboard")
        expect(page.locator("#models tbody td")).to_have_text(["asr-a", "A", "1.2", "linux-x64"], timeout=_MS)


def _speak(client: FakeClient, page: Page) -> None:
    """Let there be something to see: about 50 s of utterances, now more, now less."""
    for nth in range(13, 200):
        client.say()
        client.result(nth)
        page.wait_for_timeout(60 + 5 * (nth % 80))


def _drain(stack: Stack, node_id: str) -> None:
    url = f"http://127.0.0.1:{stack.webs[0].port}/api/v1/nodes/{node_id}/drain"
    body = json.dumps({"reason": "new driver"}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
