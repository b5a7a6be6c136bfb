"""Speaking a recording to a server, from the file to the exit code."""

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from agent.client import CHUNK_MS, Languages
from agent.output import Output
from agent.say import Say, SayOptions
from agent.wav import Recording, pcm_of, read_wav, write_wav
from scheduling.messages import (
    ErrorMessage,
    Message,
    SessionClose,
    SessionInit,
    UiEventName,
    Utterance,
    dump,
)
from tests.agent.running import in_loop
from tests.agent.session_server import ACK_CLOSE, SessionServer, event, missing, partial, result

RATE = 16_000


def tone(seconds: float, rate: int = RATE) -> Recording:
    count = round(seconds * rate)
    return Recording(pcm_of(round(9000 * math.sin(i / 10)) for i in range(count)), rate)


class Terminal:
    """What the person sees."""

    def __init__(self) -> None:
        self.out = io.StringIO()
        self.status = io.StringIO()

    async def say(self, url: str, directory: Path, recording: Recording, **options: Any) -> int:
        file = directory / "greeting.wav"
        file.write_bytes(write_wav(recording))
        said = SayOptions(file, Languages("en", "pt"), url, out=directory, **options)
        return await Say(said, Output(self.out, self.status)).run()

    @property
    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads(self.out.getvalue().splitlines()[-1])
        return summary


@in_loop
async def test_streams_in_chunks_and_keeps_the_translation(tmp_path: Path) -> None:
    terminal, spoken = Terminal(), tone(0.6)
    results = (partial(0, "hel"), result(1, "world"), result(0, "hello"))
    async with SessionServer(event(0, UiEventName.DISPATCHED), *results).listen() as server:
        assert await terminal.say(server.url, tmp_path, spoken, as_json=True) == 0
    init, *chunks, close = server.said
    assert isinstance(init, SessionInit) and isinstance(close, SessionClose)
    assert (init.src_lang, init.tgt_lang, init.audio_format, init.sample_rate) == ("en", "pt", "pcm16", RATE)
    assert server.audio == spoken.pcm
    assert [chunk.seq for chunk in server.chunks] == list(range(len(chunks))) == [0, 1, 2]
    assert [chunk.is_final for chunk in server.chunks] == [False, False, True]
    assert terminal.summary["text_asr"] == "hello world"
    assert terminal.summary["text_translated"] == "HELLO WORLD"
    assert terminal.summary["tts_seconds"] == 2.0
    assert terminal.summary["jobs"] == 2
    assert terminal.summary["e2e_after_speech_ms"] >= 0
    kept = tmp_path / "greeting.pt.wav"
    assert str(kept) in terminal.out.getvalue()
    assert read_wav(kept.read_bytes()).seconds == 2.0
    assert "... hel" in terminal.out.getvalue() and "pt: HELLO" in terminal.out.getvalue()


@in_loop
@pytest.mark.parametrize("listens", [True, None])
async def test_asks_the_server_to_hear_where_speech_ends(tmp_path: Path, listens: bool | None) -> None:
    terminal = Terminal()
    async with SessionServer(result(0, "hello"), vad=listens).listen() as server:
        assert await terminal.say(server.url, tmp_path, tone(0.3), vad=True) == 0
    init = server.said[0]
    assert isinstance(init, SessionInit) and init.vad is True
    assert ("does not hear where speech ends" in terminal.out.getvalue()) == (listens is None)


@in_loop
async def test_a_chunk_is_not_sent_before_it_was_spoken(tmp_path: Path) -> None:
    async with SessionServer(result(0, "hello")).listen() as server:
        await Terminal().say(server.url, tmp_path, tone(0.6))
    stamps = [chunk.client_timestamp_ms for chunk in server.chunks]
    first, second, third = [stamp for stamp in stamps if stamp is not None]
    assert second - first >= CHUNK_MS - 20  # two clocks, one of them in whole ms
    assert third > second


@in_loop
async def test_fast_sends_one_utterance(tmp_path: Path) -> None:
    terminal = Terminal()
    async with SessionServer(result(0, "hello")).listen() as server:
        assert await terminal.say(server.url, tmp_path, tone(9.0), fast=True, as_json=True) == 0
    _, utterance, close = server.said
    assert isinstance(utterance, Utterance) and isinstance(close, SessionClose)
    assert (utterance.audio_format, utterance.sample_rate) == ("wav", RATE)
    assert terminal.summary["jobs"] == 1


@in_loop
async def test_waits_for_results_that_come_after_the_close(tmp_path: Path) -> None:
    terminal = Terminal()
    late = (ACK_CLOSE, event(0, UiEventName.NMT_DONE), result(0, "late"))
    server_side = SessionServer(event(0, UiEventName.DISPATCHED), at_close=late)
    async with server_side.listen() as server:
        assert await terminal.say(server.url, tmp_path, tone(0.1), as_json=True) == 0
    assert terminal.summary["text_asr"] == "late"


@in_loop
async def test_silence_is_no_error(tmp_path: Path) -> None:
    terminal = Terminal()
    async with SessionServer(missing(0, "silence_detected")).listen() as server:
        assert await terminal.say(server.url, tmp_path, Recording(b"", RATE), as_json=True) == 0
    assert terminal.summary == {
        "text_asr": "",
        "text_translated": "",
        "tts_seconds": 0.0,
        "e2e_after_speech_ms": None,
        "jobs": 1,
    }
    assert "silence_detected" in terminal.out.getvalue()
    assert not (tmp_path / "greeting.pt.wav").exists()


@pytest.mark.parametrize("fast", [False, True])
def test_an_error_is_printed_with_its_code_and_fails(fast: bool, tmp_path: Path) -> None:
    @in_loop
    async def scene() -> None:
        terminal = Terminal()
        error = ErrorMessage(code="NO_AVAILABLE_NODE", message="No node translates en to pt.")
        answers = (event(0, UiEventName.ERROR), error)
        async with SessionServer(*answers).listen() as server:
            assert await terminal.say(server.url, tmp_path, tone(0.1), fast=fast) == 1
        assert "NO_AVAILABLE_NODE: No node translates en to pt." in terminal.status.getvalue()

    scene()


@in_loop
async def test_a_refused_session_fails(tmp_path: Path) -> None:
    async def refuse(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(
            dump(ErrorMessage(code="INVALID_MESSAGE", message="The member src_lang is missing."))
        )
        await socket.wait_closed()

    terminal = Terminal()
    async with serve(refuse, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        assert await terminal.say(f"ws://127.0.0.1:{port}", tmp_path, tone(0.1)) == 1
    assert "INVALID_MESSAGE: The member src_lang is missing." in terminal.status.getvalue()


@pytest.mark.parametrize("code", [1000, 1009, 1012])
def test_a_server_that_closes_early_fails(code: int, tmp_path: Path) -> None:
    @in_loop
    async def scene() -> None:
        async def hang_up(socket: ServerConnection) -> None:
            await socket.recv()
            await socket.close(code, "the reason")

        terminal = Terminal()
        async with serve(hang_up, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            assert await terminal.say(f"ws://127.0.0.1:{port}", tmp_path, tone(0.1)) == 1
        assert "closed the connection" in terminal.status.getvalue()
        assert code == 1000 or "the reason" in terminal.status.getvalue()

    scene()


class HangsUp(SessionServer):
    """Closes the socket where it should acknowledge the end of the session."""

    async def _answer(self, socket: ServerConnection, message: Message) -> None:
        await super()._answer(socket, message)
        if isinstance(message, SessionClose):
            await socket.close(1000)


@in_loop
async def test_results_that_never_come_fail(tmp_path: Path) -> None:
    terminal = Terminal()
    async with HangsUp(event(0, UiEventName.DISPATCHED), at_close=()).listen() as server:
        assert await terminal.say(server.url, tmp_path, tone(0.1)) == 1
    assert "before it had given every result" in terminal.status.getvalue()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("ws://127.0.0.1:1/ws/session", "no dispatch server answers at ws://127.0.0.1:1/ws/session"),
        ("http://127.0.0.1", "isn't a valid URI"),
    ],
)
def test_no_server_there_fails(url: str, complaint: str, tmp_path: Path) -> None:
    @in_loop
    async def scene() -> None:
        terminal = Terminal()
        assert await terminal.say(url, tmp_path, tone(0.1)) == 1
        assert complaint in terminal.status.getvalue()

    scene()


@in_loop
async def test_a_rate_that_nobody_takes_is_resampled(tmp_path: Path) -> None:
    terminal = Terminal()
    async with SessionServer(result(0, "hello")).listen() as server:
        assert await terminal.say(server.url, tmp_path, tone(0.2, rate=4_000)) == 0
    assert len(server.audio) == 2 * 3_200
    assert "resampling from 4000 to 16000 Hz" in terminal.out.getvalue()


@in_loop
async def test_resamples_to_what_the_server_offers(tmp_path: Path) -> None:
    terminal = Terminal()
    async with SessionServer(result(0, "hello"), negotiated_sample_rate=8_000).listen() as server:
        assert await terminal.say(server.url, tmp_path, tone(0.2)) == 0
    assert len(server.audio) == 2 * 1_600
    assert "resampling from 16000 to 8000 Hz" in terminal.out.getvalue()


@in_loop
async def test_says_so_when_a_server_takes_only_opus(tmp_path: Path) -> None:
    terminal = Terminal()
    async with SessionServer(negotiated_audio_format="opus").listen() as server:
        assert await terminal.say(server.url, tmp_path, tone(0.1)) == 1
    assert "--fast" in terminal.status.getvalue()


@in_loop
async def test_plays_raw_speech_at_the_sessions_rate(tmp_path: Path) -> None:
    terminal = Terminal()
    raw = result(0, "hello", b"\x01\x00" * 8_000, tts_format="pcm16")
    async with SessionServer(raw).listen() as server:
        assert await terminal.say(server.url, tmp_path, tone(0.1, rate=8_000), as_json=True) == 0
    assert terminal.summary["tts_seconds"] == 1.0


@pytest.mark.parametrize(
    ("speech", "tts_format", "complaint"),
    [(b"no wav", "wav", "utterance 0"), (b"mp3", "mp3", "'mp3'"), (b"\x09\x00x", "opus", "breaks off")],
)
def test_speech_that_cannot_be_read_is_named(
    speech: bytes, tts_format: str, complaint: str, tmp_path: Path
) -> None:
    @in_loop
    async def scene() -> None:
        terminal = Terminal()
        async with SessionServer(result(0, "hello", speech, tts_format=tts_format)).listen() as server:
            assert await terminal.say(server.url, tmp_path, tone(0.1)) == 1
        assert complaint in terminal.status.getvalue()

    scene()


@pytest.mark.parametrize(("content", "complaint"), [(None, "No such file"), (b"MThd", "not a WAV file")])
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, complaint: str, tmp_path: Path) -> None:
    @in_loop
    async def scene() -> None:
        file = tmp_path / "song.wav"
        if content is not None:
            file.write_bytes(content)
        status = io.StringIO()
        options = SayOptions(file, Languages("en", "pt"), "ws://127.0.0.1:1")
        assert await Say(options, Output(io.StringIO(), status)).run() == 1
        assert complaint in status.getvalue()

    scene()


@in_loop
async def test_tells_the_person_when_it_comes_back(tmp_path: Path) -> None:
    class Losing(SessionServer):
        sockets = 0

        async def _answer(self, socket: ServerConnection, message: Message) -> None:
            if isinstance(message, SessionInit):
                self.sockets += 1
                self.ack = {"resume_token": "t", "resume_within_ms": 9000, "resumed": bool(message.resume)}
            await super()._answer(socket, message)
            if self.sockets == 1 and not isinstance(message, SessionInit):
                await socket.close(1012, "restart, come back in 0.1 s")

    terminal = Terminal()
    async with Losing(result(0, "hello")).listen() as server:
        assert await terminal.say(server.url, tmp_path, tone(0.1)) == 0
    assert "the connection is lost (restart, come back in 0.1 s); coming back" in terminal.out.getvalue()
    assert "back in session s-1" in terminal.out.getvalue()
    assert "pt: HELLO" in terminal.out.getvalue()
