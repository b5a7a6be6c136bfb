"""The site as it is built: nothing from elsewhere, fit for phones and the dark, searchable."""

import functools
import http.server
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import browser, playwright
from tests.stack import ROOT

__all__ = ["browser", "playwright"]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build as ``make docs`` does; a link that leads nowhere fails here."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def site(built: Path) -> Iterator[str]:
    """Serve the site."""
    handler = functools.partial(_Quiet, directory=str(built))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def open_page(browser: Browser, site: str) -> Iterator[Callable[..., Page]]:
    """Open pages of the site; whatever they fetch must come from it."""
    contexts, strays = [], []

    def open_one(path: str, width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page: Page = context.new_page()
        page.on(
            "request",
            lambda request: request.url.startswith((site, "data:", "blob:")) or strays.append(request.url),
        )
        page.on("requestfailed", lambda request: strays.append(f"not to be had: {request.url}"))
        page.goto(f"{site}/{path}", wait_until="networkidle")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not strays


def test_what_makes_the_site_is_not_in_it(built: Path) -> None:
    assert (built / "assets" / "site.css").exists()
    assert not (built / "handbook").exists()


@pytest.mark.parametrize("path", ["index.html", "protocol.html", "delivery.html", "settings.html"])
def test_pages_fit_a_phone(open_page: Callable[..., Page], path: str) -> None:
    page = open_page(path, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_it_is_dark_for_those_who_want_it_dark(open_page: Callable[..., Page]) -> None:
    def lightness(scheme: str) -> int:
        page = open_page("index.html", scheme=scheme)
        return int(page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0]"))

    assert lightness("dark") < 64
    assert lightness("light") > 192


def test_a_setting_is_found_by_the_search(open_page: Callable[..., Page]) -> None:
    page = open_page("index.html")
    page.get_by_placeholder("Search").press_sequentially("ROOM_IDLE_MS")
    expect(page.locator(".md-search-result__link").first).to_be_visible(timeout=20_000)


def test_a_file_that_documents_link_to_can_be_read(open_page: Callable[..., Page]) -> None:
    page = open_page("nodes.html")
    page.locator("article a", has_text="agent/pipelines/base.py").first.click()
    expect(page.locator("article")).to_contain_text("class Pipeline(Protocol)")


def test_an_address_where_nothing_is_leads_on(built: Path, open_page: Callable[..., Page]) -> None:
    """Its page said "404 - Not found", and nothing else."""
    page = open_page("404.html", width=390)
    links = [link.get_attribute("href") or "" for link in page.locator("article a, .md-content a").all()]
    assert len(links) >= 6
    for link in links:
        assert (built / link.lstrip("/")).is_file(), link
