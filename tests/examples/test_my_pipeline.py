"""The example of a pipeline works as it is printed: a node of its own, an utterance, its translation."""

import base64
from collections.abc import Iterator

import pytest

from agent.wav import Recording, write_wav
from tests.scheduling.sound import tone
from tests.stack import ROOT, Stack

_PIPELINE = "examples.my_pipeline:MyPipeline"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(resource_threshold=100) as stack:
        command = [
            "web.command",
            "node",
            "--pipeline",
            _PIPELINE,
            "--option",
            "voice=ana",
            "--node-id",
            "mine",
        ]
        stack.start("node", [*command, "--url", stack.webs[0].url("/ws/node")])
        stack.wait_dispatchable("mine")
        yield stack


def test_what_is_said_is_answered_by_it(stack: Stack) -> None:
    speech = tone(1500)
    with stack.client("en", "pt") as client:
        client.chunk(speech, final=True)
        result = client.result()
        assert result["text_asr"] == "1.5 seconds"
        assert result["text_translated"] == "1.5 segundos, diz ana"
        assert base64.b64decode(result["tts_audio"]) == speech
        assert client.all("asr_partial")[0]["text"] == "1.5 …"


def test_what_it_does_not_take_is_told_in_its_words(stack: Stack) -> None:
    with stack.client("en", "pt") as client:
        client.utterance(audio=write_wav(Recording(tone(200), 16_000)), audio_format="wav")
        error = client.wait("error")
        assert (error["code"], error["message"]) == ("INVALID_AUDIO", "This node takes pcm16, not wav.")


def test_it_is_short() -> None:
    """What it takes to have a node of one's own is what fits on a screen."""
    assert len((ROOT / "examples" / "my_pipeline.py").read_text(encoding="utf-8").splitlines()) <= 50
