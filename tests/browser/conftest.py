"""Chromium, without a screen, with a microphone that speaks a recording."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from agent.wav import read_wav, resample, write_wav
from tests.stack import ROOT

RECORDING = ROOT / "tests" / "data" / "jfk.wav"
IMAGES = ROOT / "docs" / "images"
#: Set to any word, the tests write the pictures that the documents show.
PICTURES = bool(os.environ.get("SCREENSHOTS"))

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
#: The browser's rate; its microphone plays a file of that rate only.
_MICROPHONE_RATE = 48_000

Look = Callable[[Page, str], None]


# For a module and not for the session: its event loop would be in the way of other tests.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="module")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Give a browser whose microphone speaks the recording, once for each page that opens it."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        words = "no Chromium on this machine (Debian: apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    spoken = tmp_path_factory.mktemp("microphone") / "spoken.wav"
    spoken.write_bytes(write_wav(resample(read_wav(RECORDING.read_bytes()), _MICROPHONE_RATE)))
    microphone = f"--use-file-for-fake-audio-capture={spoken}%noloop"
    browser = playwright.chromium.launch(executable_path=program, args=[*_FLAGS, microphone])
    yield browser
    browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages, each in a context of its own; afterwards none of them may have complained.

    The requests of a page ``for_bad`` times may fail: its server goes away.
    """
    contexts, complaints = [], []

    def open_one(url: str, *, for_bad: bool = False) -> Page:
        context = browser.new_context(viewport={"width": 1080, "height": 820}, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"{url}: {error}"))
        if not for_bad:
            page.on("requestfailed", lambda request: complaints.append(f"{request.url} cannot be had"))
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def look() -> Look:
    """Keep a picture of a page for the documents: in light, in dark and as on a phone."""

    def take(page: Page, name: str) -> None:
        if not PICTURES:
            return
        IMAGES.mkdir(exist_ok=True)
        for suffix, scheme, width in (("", "light", 1080), ("-dark", "dark", 1080), ("-phone", "light", 390)):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 820})
            page.screenshot(path=Path(IMAGES / f"{name}{suffix}.png"), full_page=True)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1080, "height": 820})

    return take
