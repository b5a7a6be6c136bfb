"""What the pages say when something is wrong: what it is, what to do, and that for as long as it is so."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import RECORDING
from tests.credentials import CredentialFile
from tests.stack import Stack

_MS = 30_000


@pytest.mark.timeout(200)
def test_a_refused_token_is_told_why_and_asked_for_once(
    tmp_path: Path, open_page: Callable[[str], Page]
) -> None:
    """The dashboard said so for a second, then only that a token was wanted, and asked on and on."""
    file = CredentialFile(tmp_path, "HS256")
    with Stack(credentials_file=str(file.path)) as stack:
        here = f"http://127.0.0.1:{stack.webs[0].port}"
        page = open_page(f"{here}/dashboard")
        expect(page.locator("#token")).to_be_focused(timeout=_MS)
        expect(page.locator("#problem")).to_be_hidden()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.fill("#token", "forged")
        page.keyboard.press("Enter")
        expect(page.locator("#problem")).to_contain_text("not known here", timeout=_MS)
        page.clock.install()
        page.clock.run_for(10_000)
        expect(page.locator("#problem")).to_contain_text("not known here")
        assert len([url for url in asked if url.endswith("/stats")]) == 1

        page = open_page(f"{here}/")
        expect(page.locator("body")).to_have_attribute("data-ready", "true", timeout=_MS)
        page.set_input_files("#file", RECORDING)
        expect(page.locator("#token")).to_be_focused(timeout=_MS)
        expect(page.locator("#problem")).to_be_hidden()  # the form says what is wanted
        page.fill("#token", file.jwt("HS256", "node"))
        page.keyboard.press("Enter")
        expect(page.locator("#speak")).to_be_focused()
        page.click("#speak")
        expect(page.locator("#problem")).to_contain_text("Use one of the role client", timeout=_MS)
        expect(page.locator("#token-form")).to_be_visible()
        expect(page.locator("#speak")).to_have_attribute("aria-pressed", "false")


@pytest.mark.timeout(200)
def test_a_server_that_is_away_is_said_on_every_page_until_it_is_back(open_page: Callable[..., Page]) -> None:
    with Stack() as stack, stack.node(("en", "pt"), node_id="gpu-1"):
        web = stack.webs[0]
        here = f"http://127.0.0.1:{web.port}"
        talk, dashboard, node = (
            open_page(f"{here}/{name}", for_bad=True) for name in ("?from=en&to=pt", "dashboard", "node")
        )
        talk.get_by_role("button", name="Speak").click()
        expect(talk.locator("#state")).to_have_text("connected", timeout=_MS)
        expect(dashboard.locator("#nodes")).to_contain_text("gpu-1", timeout=_MS)
        node.fill("#node", "gpu-1")
        node.keyboard.press("Enter")
        expect(node.locator("#sentence")).to_contain_text("It takes work", timeout=_MS)

        web.kill()
        said = {talk: "are kept and sent", dashboard: "What is shown is of", node: "asked again"}
        for page, words in said.items():
            expect(page.locator("#problem")).to_contain_text(words, timeout=_MS)
        stack.restart(web)
        for page in said:
            expect(page.locator("#problem")).to_be_hidden(timeout=_MS)


def test_without_a_node_or_a_room_the_page_says_what_to_do(open_page: Callable[[str], Page]) -> None:
    with Stack() as stack:
        page = open_page(f"http://127.0.0.1:{stack.webs[0].port}/?room=999999")
        expect(page.locator("#empty")).to_contain_text("No node is connected", timeout=_MS)
        page.get_by_role("button", name="Join").click()
        expect(page.locator("#problem")).to_contain_text("no such room", timeout=_MS)
        expect(page.locator("#room-form")).to_be_visible()


def test_without_a_microphone_a_recording_is_proposed(open_page: Callable[[str], Page]) -> None:
    with Stack() as stack:
        page = open_page(f"http://127.0.0.1:{stack.webs[0].port}/")
        expect(page.locator("body")).to_have_attribute("data-ready", "true", timeout=_MS)
        page.evaluate("""() => {
            const missing = new DOMException("gone", "NotFoundError");
            navigator.mediaDevices.getUserMedia = () => Promise.reject(missing);
        }""")
        page.click("#speak")
        expect(page.locator("#problem")).to_contain_text("or choose a recording", timeout=_MS)
        expect(page.locator("#speak")).to_have_text("Speak")


def test_a_page_that_a_limit_keeps_out_says_which_and_comes_in_by_itself(
    open_page: Callable[..., Page],
) -> None:
    """It said that the server did not answer, which had just told it why."""
    with Stack(tenant_sessions="*=1") as stack, stack.client() as other:
        page = open_page(f"http://127.0.0.1:{stack.webs[0].port}/")
        expect(page.locator("body")).to_have_attribute("data-ready", "true", timeout=_MS)
        page.click("#speak")
        expect(page.locator("#state")).to_have_text("not let in yet, trying again …", timeout=_MS)
        expect(page.locator("#problem")).to_contain_text("as many sessions open as it may")
        expect(page.locator("#problem")).to_contain_text("are kept and sent then")
        other.send("session_close", session_id=other.session_id, reason="done")
        expect(page.locator("#state")).to_have_text("connected", timeout=_MS)
        expect(page.locator("#problem")).not_to_contain_text("as many sessions")


def test_a_page_waits_as_long_as_the_server_wants(tmp_path: Path, open_page: Callable[[str], Page]) -> None:
    """The dashboard was told to wait for a minute, said so, and asked every second."""
    file = CredentialFile(tmp_path, "HS256")
    with Stack(credentials_file=str(file.path), peer_guesses=1) as stack:
        here = f"http://127.0.0.1:{stack.webs[0].port}"
        page = open_page(f"{here}/dashboard")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for guess, said in (("forged", "not known here"), ("again", "This page does so by itself")):
            asked.clear()
            page.fill("#token", guess)
            page.keyboard.press("Enter")
            expect(page.locator("#problem")).to_contain_text(said, timeout=_MS)
        page.clock.install()
        page.clock.run_for(10_000)
        assert len([url for url in asked if url.endswith("/stats")]) == 1

        page = open_page(f"{here}/node")
        page.fill("#node", "gpu-1")
        page.keyboard.press("Enter")
        expect(page.locator("#problem")).to_contain_text("Enter the node's token", timeout=_MS)

        page = open_page(f"{here}/")
        page.evaluate("sessionStorage.setItem('client-token', 'once more')")
        expect(page.locator("body")).to_have_attribute("data-ready", "true", timeout=_MS)
        page.click("#speak")
        expect(page.locator("#problem")).to_contain_text("Too many wrong credentials", timeout=_MS)
        page.fill("#token", file.jwt("HS256", "client"))
        page.keyboard.press("Enter")
        page.click("#speak")
        expect(page.locator("#state")).to_have_text("connected", timeout=_MS)
