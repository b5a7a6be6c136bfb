"""The echo pipeline: known answers, stated service times."""

import statistics
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.pipelines.base import PipelineError, PipelineOptions, PipelineUnavailable, Progress
from agent.pipelines.echo import LANGUAGES, EchoPipeline, heard, parse_pairs
from tests.agent.jobs import job


def echo(**options: object) -> EchoPipeline:
    return EchoPipeline(PipelineOptions(**options))  # type: ignore[arg-type]


def test_gives_back_what_came_in() -> None:
    result = echo().process(job(b"bom dia", src_lang="pt", tgt_lang="en"), Progress())
    assert result.text_asr == "bom dia"
    assert result.text_translated == "[pt-en] bom dia"
    assert (result.tts_audio, result.tts_format) == (b"bom dia", "pcm16")


def test_names_the_size_of_real_audio() -> None:
    assert echo().process(job(b"\x00\x01" * 1600), Progress()).text_asr == "3200 bytes"


def test_nothing_comes_of_nothing() -> None:
    result = echo().process(job(b""), Progress())
    assert (result.text_asr, result.text_translated, result.tts_audio) == ("", "", b"")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=50))
def test_every_printable_text_is_heard(text: str) -> None:
    assert heard(text.encode()) == text


@pytest.mark.parametrize(
    ("audio", "code", "message"),
    [
        (b"fail:TTS_TIMEOUT:the voice: gone", "TTS_TIMEOUT", "the voice: gone"),
        (b"fail:NMT_TIMEOUT", "NMT_TIMEOUT", "The audio asked to fail."),
        (b"fail:", "PROCESSING_ERROR", "The audio asked to fail."),
    ],
)
def test_fails_when_asked_to(audio: bytes, code: str, message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        echo().process(job(audio), Progress())
    assert (caught.value.code, caught.value.message) == (code, message)


def test_audio_that_is_not_base64_is_an_invalid_message() -> None:
    with pytest.raises(PipelineError) as caught:
        echo().process(job().model_copy(update={"audio": "%%%"}), Progress())
    assert caught.value.code == "INVALID_MESSAGE"


@pytest.mark.parametrize("distribution", ["fixed", "exponential", "lognormal"])
def test_service_times_repeat_with_their_seed_and_have_the_stated_mean(distribution: str) -> None:
    first, second = (echo(service_ms=200.0, service_distribution=distribution, seed=7) for _ in range(2))
    drawn = [first.service_s() for _ in range(4000)]
    assert drawn == [second.service_s() for _ in range(4000)]
    assert statistics.mean(drawn) == pytest.approx(0.2, rel=0.1)
    assert (statistics.stdev(drawn) == 0) == (distribution == "fixed")


@pytest.mark.parametrize("distribution", ["fixed", "exponential", "lognormal"])
def test_no_service_time_means_at_once(distribution: str) -> None:
    assert echo(service_distribution=distribution).service_s() == 0.0


def test_a_cancelled_job_does_not_sleep_out_its_time() -> None:
    progress = Progress()
    working = threading.Thread(target=echo(service_ms=3_600_000.0).process, args=(job(), progress))
    working.start()
    progress.cancel()
    working.join(timeout=20)
    assert not working.is_alive()


def test_shows_partial_texts() -> None:
    shown: list[tuple[str, bool]] = []
    echo(partials=3).process(job(b"abcdef"), Progress(lambda *partial: shown.append(partial)))
    assert shown == [("ab", False), ("abcd", False), ("abcdef", True)]


def test_claims_the_pairs_it_is_told() -> None:
    capabilities = echo(pairs="en-pt, de-en").capabilities()
    assert capabilities.pairs == (("en", "pt"), ("de", "en"))
    assert (capabilities.asr_languages, capabilities.tts_languages) == (("de", "en"), ("en", "pt"))


def test_claims_every_pair_by_default() -> None:
    capabilities = echo().capabilities()
    assert capabilities.pairs is None
    assert capabilities.asr_languages == capabilities.tts_languages == LANGUAGES


@pytest.mark.parametrize("text", ["en", "en-pt-de", "-pt", "en-", ""])
def test_refuses_pairs_it_cannot_read(text: str) -> None:
    with pytest.raises(PipelineUnavailable, match="no list of language pairs"):
        parse_pairs(text)


def test_refuses_a_distribution_it_does_not_know() -> None:
    with pytest.raises(PipelineUnavailable, match="fixed, exponential, lognormal"):
        echo(service_distribution="pareto")
