"""Real models on real speech: what was said is what comes out."""

import base64
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent import opus
from agent.pipelines.base import JobCancelled, PipelineError, PipelineOptions, PipelineUnavailable, Progress
from agent.pipelines.speech import audio, espeak
from agent.pipelines.speech.pipeline import SpeechPipeline
from agent.wav import Recording, read_wav, write_wav
from scheduling.messages import PipelineConfig
from tests.agent.jobs import job

DATA = Path(__file__).parent.parent.parent / "data"
JFK = (DATA / "jfk.wav").read_bytes()
JFK_WORDS = (
    "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
)


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def overlap(spoken: str, heard: str) -> float:
    """The share of the spoken words that were heard."""
    found = set(words(heard))
    return sum(word in found for word in words(spoken)) / len(words(spoken))


@pytest.fixture(scope="module")
def speech() -> Iterator[SpeechPipeline]:
    pipeline = SpeechPipeline(PipelineOptions(slots=2, threads=1))
    pipeline.load()
    yield pipeline


def test_hears_translates_and_speaks_a_recording(speech: SpeechPipeline) -> None:
    shown: list[tuple[str, bool]] = []
    result = speech.process(job(JFK, audio_format="wav"), Progress(lambda *partial: shown.append(partial)))
    assert " ".join(words(result.text_asr)) == JFK_WORDS
    assert shown == [(result.text_asr, True)]
    assert {"americanos", "perguntem", "país"} <= set(words(result.text_translated))
    assert result.tts_format == "wav"
    assert 5 < read_wav(result.tts_audio).seconds < 30
    assert result.extra is not None and result.extra.service_timings is not None
    timings = result.extra.service_timings
    assert timings.asr_ms and timings.total_ms and timings.nmt_ms is not None and timings.tts_ms is not None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("austen-0880", "he was not an ill disposed young man"),
        (
            "austen-0870",
            "and mr john dashwood had then leisure to consider how much "
            "there might be prudently in his power to do for them",
        ),
    ],
)
def test_hears_every_word_of_the_other_recordings(speech: SpeechPipeline, name: str, said: str) -> None:
    result = speech.process(job((DATA / f"{name}.wav").read_bytes(), audio_format="wav"), Progress())
    assert " ".join(words(result.text_asr)) == said


def test_hears_the_same_in_every_format(speech: SpeechPipeline) -> None:
    recording = read_wav((DATA / "austen-0880.wav").read_bytes())
    for sent, audio_format in ((recording.pcm, "pcm16"), (opus.encode(recording), "opus")):
        result = speech.process(job(sent, audio_format=audio_format), Progress())
        assert "young man" in result.text_asr


def test_its_english_voice_can_be_heard_again(speech: SpeechPipeline) -> None:
    """The whole round: Portuguese speech to English speech, which a recogniser then understands."""
    said = "The weather is very good today. We can go to the beach and eat lunch in the city."
    voice = write_wav(espeak.engine().say(said, "en"))
    heard = speech.process(job(voice, audio_format="wav"), Progress())
    assert overlap(said, heard.text_asr) >= 0.7
    portuguese = write_wav(espeak.engine().say("Bom dia. Eu gosto muito de café com leite.", "pt"))
    result = speech.process(
        job(portuguese, audio_format="wav", src_lang="pt-BR", tgt_lang="en-US"), Progress()
    )
    again = speech.process(job(result.tts_audio, audio_format="wav"), Progress())
    assert overlap(result.text_translated, again.text_asr) >= 0.7


def test_translates_spanish_while_hearing(speech: SpeechPipeline) -> None:
    said = "Lo siento, pero todos nuestros representantes están ocupados. Por favor, espere."
    voice = write_wav(espeak.engine().say(said, "es"))
    result = speech.process(job(voice, audio_format="wav", src_lang="es", tgt_lang="en"), Progress())
    assert overlap(said, result.text_asr) >= 0.7
    assert {"sorry", "please", "wait"} <= set(words(result.text_translated))


def test_finds_the_language_among_those_named(speech: SpeechPipeline) -> None:
    members: dict[str, Any] = {
        "src_lang": "auto",
        "tgt_lang": "pt",
        "mode": "two_way_auto",
        "auto_langs": ["en", "pt"],
    }
    result = speech.process(job(JFK, audio_format="wav", **members), Progress())
    assert "americanos" in result.text_translated
    assert result.extra is not None and (result.extra.language_probability or 0) > 0.5


def test_whoever_speaks_the_target_language_is_translated_into_the_other(speech: SpeechPipeline) -> None:
    members: dict[str, Any] = {
        "src_lang": "auto",
        "tgt_lang": "en",
        "mode": "two_way_auto",
        "lang_a": "pt",
        "lang_b": "en",
    }
    result = speech.process(job(JFK, audio_format="wav", **members), Progress())
    assert "americanos" in result.text_translated


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(np.zeros(48_000), id="digital silence"),
        pytest.param(np.zeros(0), id="nothing"),
        pytest.param(np.random.default_rng(1).normal(0, 300, 64_000), id="noise"),
    ],
)
def test_silence_says_nothing(speech: SpeechPipeline, samples: np.ndarray) -> None:
    result = speech.process(job(samples.astype("<i2").tobytes()), Progress())
    assert (result.text_asr, result.text_translated, result.tts_audio) == ("", "", b"")
    assert result.extra is not None and result.extra.reason == "silence"


def test_longer_than_whispers_window(speech: SpeechPipeline) -> None:
    result = speech.process(job(read_wav(JFK).pcm * 4), Progress())  # 44 s
    assert words(result.text_asr).count("americans") == 4


def test_does_only_what_the_job_asks_for(speech: SpeechPipeline) -> None:
    recording = (DATA / "austen-0880.wav").read_bytes()
    no_voice = PipelineConfig(use_asr=True, use_nmt=True, use_tts=False)
    result = speech.process(job(recording, audio_format="wav", pipeline=no_voice), Progress())
    assert result.text_translated and result.tts_audio == b""
    no_translation = PipelineConfig(use_asr=True, use_nmt=False, use_tts=True)
    result = speech.process(job(recording, audio_format="wav", pipeline=no_translation), Progress())
    assert result.text_translated == "" and result.text_asr and result.tts_audio


@pytest.mark.parametrize(
    ("members", "code", "complaint"),
    [
        ({"src_lang": "zh"}, "MODEL_NOT_AVAILABLE", "from zh to pt; it serves en-pt, pt-en, es-en"),
        ({"src_lang": "fr", "tgt_lang": "fr"}, "MODEL_NOT_AVAILABLE", "from fr to fr"),
        ({"audio_format": "mp3"}, "INVALID_MESSAGE", "wav, pcm16, opus, not 'mp3'"),
        ({"audio_format": "wav"}, "INVALID_MESSAGE", "does not begin with RIFF"),
        ({"audio_format": "opus"}, "INVALID_MESSAGE", "breaks off at byte 0"),
        ({"sample_rate": 0}, "INVALID_MESSAGE", "sample rate"),
        (
            {"pipeline": PipelineConfig(use_asr=False, use_nmt=True, use_tts=True)},
            "UNSUPPORTED_FEATURE",
            "use_asr must be true",
        ),
    ],
)
def test_says_what_it_cannot_do(
    speech: SpeechPipeline, members: dict[str, object], code: str, complaint: str
) -> None:
    with pytest.raises(PipelineError, match=complaint) as caught:
        speech.process(job(**members), Progress())  # type: ignore[arg-type]
    assert caught.value.code == code


def test_a_cancelled_job_stops_between_its_stages(speech: SpeechPipeline) -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(JobCancelled):
        speech.process(job(JFK, audio_format="wav"), progress)


def test_voices_at_once_do_not_mix() -> None:
    """The engine is one set of C globals; without a lock two jobs spoke into each other's buffer."""
    texts = [("Yes.", "en"), ("Bom dia a todos vocês, meus bons amigos, e boa viagem.", "pt")] * 8
    alone = {text: espeak.engine().say(text, language).seconds for text, language in texts}
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda each: espeak.engine().say(*each).seconds, texts))
    assert together == pytest.approx([alone[text] for text, _ in texts], rel=0.02)


@pytest.mark.parametrize(("tts_format", "rate"), [("pcm16", 16_000), ("pcm16", 8_000), ("opus", 16_000)])
def test_speaks_in_the_format_asked_for(tts_format: str, rate: int) -> None:
    voice = espeak.engine().say("Good morning to all of you.", "en")
    encoded = audio.encode(voice, tts_format, rate)
    spoken = opus.decode(encoded) if tts_format == "opus" else Recording(encoded, rate)
    assert spoken.seconds == pytest.approx(voice.seconds, abs=0.02)
    loudness = [np.abs(np.frombuffer(each.pcm, "<i2").astype(float)).mean() for each in (voice, spoken)]
    assert loudness[1] == pytest.approx(loudness[0], rel=0.2)


def test_refuses_a_speech_format_it_cannot_write() -> None:
    with pytest.raises(PipelineUnavailable, match="'flac': use wav, pcm16, opus"):
        SpeechPipeline(PipelineOptions(tts_format="flac"))


def test_decodes_the_packets_of_an_existing_web_client() -> None:
    lines = (DATA / "frames" / "web-client.jsonl").read_text(encoding="utf-8").splitlines()
    frames = [json.loads(line) for line in lines]
    spoken = [frame["payload"] for frame in frames if frame.get("payload")]
    spoken += [frame["audio"] for frame in frames if frame.get("audio_format") == "opus"]
    decoded = [opus.decode(base64.b64decode(payload)) for payload in spoken]
    assert [each.seconds for each in decoded] == [0.1, 0.1]
    assert all(np.abs(np.frombuffer(each.pcm, "<i2").astype(int)).max() > 500 for each in decoded)


def test_opus_comes_back_as_it_went() -> None:
    recording = read_wav(JFK)
    framed = opus.encode(recording)
    assert all(packet for packet in opus.packets(framed))
    assert opus.decode(framed).seconds == recording.seconds == 11.0


@pytest.mark.parametrize("framed", [b"\x05", b"\x05\x00abc", b"\x00\x00", b"\x01\x00\xff\x02"])
def test_broken_framing_is_named(framed: bytes) -> None:
    with pytest.raises(opus.BadOpus):
        opus.decode(framed)
