"""Our own client library against a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent.client import Languages, SpeechClient
from agent.wav import read_wav
from scheduling.messages import SessionCloseAck, TranslationResult
from tests.scheduling.test_vad import DATA
from tests.stack import Stack


@asynccontextmanager
async def _client(stack: Stack) -> AsyncIterator[SpeechClient]:
    async with asyncio.timeout(60), SpeechClient.connect(stack.webs[0].url("/ws/session")) as client:
        yield client


@pytest.mark.parametrize("binary", [True, False])
def test_a_recording_is_cut_where_speech_ends(stack: Stack, pair: tuple[str, str], binary: bool) -> None:
    recording = read_wav((DATA / "jfk.wav").read_bytes())

    async def speak() -> list[str]:
        async with _client(stack) as client:
            rate = recording.sample_rate
            ack = await client.open(Languages(*pair), sample_rate=rate, vad=True, binary_frames=binary)
            assert (ack.vad, ack.use_binary_frame) == (True, binary)
            await client.stream(recording, real_time=False)
            await client.end()
            texts: list[str] = []
            async for message in client.messages():
                if isinstance(message, TranslationResult):
                    texts.append(message.text_asr)
                if isinstance(message, SessionCloseAck):
                    break
            return texts

    with stack.node(pair, slots=8) as node:
        assert asyncio.run(speak()) == [f"{pair[0]} {index}" for index in range(len(node.jobs))]
        assert len(node.jobs) == 2
        assert "is_pause_triggered" in node.job()
        assert "is_manual_cut" in node.job(2)
