"""A recording dropped on the page: translated, heard again, saved in every format; and the page's key."""

import base64
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from agent.wav import Recording, read_wav, write_wav
from tests.browser.conftest import RECORDING
from tests.peers import Frame
from tests.scheduling.sound import tone
from tests.stack import Stack

_MS = 40_000
_SPOKEN_S = 3

_DROPPED = """(base64) => {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const held = new DataTransfer();
  held.items.add(new File([bytes], "said.wav", { type: "audio/wav" }));
  return held;
}"""


def answer(job: Frame) -> Frame:
    speech = base64.b64encode(tone(200)).decode()
    texts = {"text_asr": f"said {job['utterance_index']} --> so", "text_translated": "dito"}
    return {"success": True, **texts, "tts_audio": speech, "tts_format": "pcm16"}


def _drop_recording(page: Page) -> None:
    whole = read_wav(RECORDING.read_bytes())
    short = Recording(whole.pcm[: 2 * whole.sample_rate * _SPOKEN_S], whole.sample_rate)
    held = page.evaluate_handle(_DROPPED, base64.b64encode(write_wav(short)).decode())
    page.dispatch_event("body", "drop", {"dataTransfer": held})


def _saved(page: Page, name: str) -> str:
    with page.expect_download() as saved:
        page.get_by_role("button", name=name, exact=True).click()
    return saved.value.path().read_text(encoding="utf-8")


@pytest.mark.timeout(200)
def test_a_dropped_recording_is_translated_heard_again_and_saved(open_page: Callable[[str], Page]) -> None:
    with Stack() as stack, stack.node(("en", "pt"), answer=answer, slots=4):
        page = open_page(f"http://127.0.0.1:{stack.webs[0].port}/?from=en&to=pt")
        expect(page.locator("body[data-ready=true]")).to_be_attached()
        _drop_recording(page)
        first = page.locator(".utterance[data-done=true]").first
        expect(first.locator(".translated")).to_have_text("dito", timeout=_MS)
        expect(first).to_have_attribute("data-playing", "false", timeout=_MS)  # it was spoken to its end

        page.evaluate("document.querySelector('.utterance').dataset.playing = 'not again yet'")
        first.get_by_role("button", name="Say again").click()
        expect(first).to_have_attribute("data-playing", re.compile("true|false"), timeout=_MS)

        expect(page.locator(".utterance[data-done=false]")).to_have_count(0, timeout=_MS)
        assert _saved(page, "Text").startswith("said 0 --> so\ndito\n")
        assert _saved(page, "SRT").startswith("1\n00:00:0")
        vtt = _saved(page, "VTT")
        assert vtt.startswith("WEBVTT\n\n00:00:0")
        assert "said 0 -> so\ndito" in vtt, "an arrow in a text would be read as a time"


def test_the_space_bar_opens_and_closes_the_microphone(open_page: Callable[[str], Page]) -> None:
    with Stack() as stack:
        page = open_page(f"http://127.0.0.1:{stack.webs[0].port}/")
        expect(page.locator("body[data-ready=true]")).to_be_attached()
        speak = page.locator("#speak")
        for pressed in ("true", "false"):
            page.locator("body").press("Space")
            expect(speak).to_have_attribute("aria-pressed", pressed, timeout=_MS)
