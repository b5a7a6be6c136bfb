"""Pages of a server with credentials: a token is asked for, kept in the tab, and never in an address."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import RECORDING
from tests.credentials import CredentialFile, bearer
from tests.peers import FakeNode
from tests.stack import Stack

_MS = 30_000


@pytest.fixture
def file(tmp_path: Path) -> CredentialFile:
    return CredentialFile(tmp_path, "HS256")


@pytest.fixture
def stack(file: CredentialFile) -> Iterator[Stack]:
    with Stack(credentials_file=str(file.path)) as running:
        yield running


@pytest.mark.timeout(200)
def test_each_page_asks_for_the_token_of_its_role(
    stack: Stack, file: CredentialFile, open_page: Callable[[str], Page]
) -> None:
    here = f"http://127.0.0.1:{stack.webs[0].port}"
    token = file.jwt("HS256", "node", "owner")
    with FakeNode(stack.webs[0].url("/ws/node"), ("en", "pt"), node_id="gpu-1", headers=bearer(token)):
        page = open_page(f"{here}/dashboard")
        page.fill("#token", file.jwt("HS256", "admin"), timeout=_MS)
        page.click("#token-form button")
        expect(page.locator("#nodes")).to_contain_text("gpu-1", timeout=_MS)

        page = open_page(f"{here}/node")
        page.fill("#node", "gpu-1")
        page.fill("#token", file.jwt("HS256", "node", "stranger"))
        page.click("#token-form button")
        expect(page.locator("#problem")).to_contain_text("its own nodes only", timeout=_MS)
        page.fill("#token", token)
        page.click("#token-form button")
        expect(page.locator("#sentence")).to_contain_text("It takes work", timeout=_MS)
        expect(page.locator("#facts")).to_contain_text("hears en; speaks pt")
        expect(page.locator("#facts")).to_contain_text("0 given, 0 done, 0 failed")
        assert page.url == f"{here}/node"

        page = open_page(f"{here}/")
        expect(page.locator("body")).to_have_attribute("data-ready", "true", timeout=_MS)
        page.set_input_files("#file", RECORDING)
        page.fill("#token", file.jwt("HS256", "client"), timeout=_MS)
        page.click("#token-form button")
        page.set_input_files("#file", [])
        page.click("#speak")
        expect(page.locator("#state")).to_have_attribute("data-state", "open", timeout=_MS)
