"""One speaker of the soak: says marked utterances over a session that may be resumed, and keeps the score."""

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from agent.reconnecting import Languages, ReconnectingClient
from scheduling.messages import MissingResult, SessionCloseAck, TranslationResult

RATE = 8_000
_CHUNKS = 4
_CHUNK_BYTES = 512
_CHUNK_S = 0.25
#: An utterance ends long before; a session that is silent for longer has lost something.
_PATIENCE_S = 60.0


@dataclass
class Score:
    """What became of the markers, over all sessions."""

    utterances: int = 0
    results: int = 0
    errors: int = 0
    lost: int = 0
    duplicated: int = 0
    misordered: int = 0
    resumed: int = 0
    after_speech_s: list[float] = field(default_factory=list)
    """From the last sound of an utterance to its result."""
    complaints: list[str] = field(default_factory=list)


class Session:
    """One session of some utterances, from its opening to its end, however many sockets that takes."""

    def __init__(self, name: str, urls: list[str], score: Score) -> None:
        self._name = name
        self._urls = urls
        self._score = score
        self._spoken_s: dict[str, float] = {}
        self._heard: list[str] = []
        self._ended = 0

    async def run(self, utterances: int) -> None:
        """Speak, wait for every result, leave, and add to the score."""
        news: list[str] = []
        try:
            async with ReconnectingClient.connect(self._urls, news.append) as client:
                await client.open(Languages("en", "pt"), sample_rate=RATE)
                speaking = asyncio.create_task(self._speak(client, utterances))
                with suppress(TimeoutError):
                    await self._listen(client)
                speaking.cancel()
                self._score.resumed += client.resumed
        except (ConnectionClosed, OSError, InvalidHandshake) as error:
            news.append(f"{type(error).__name__}: {error}")
        self._settle(news)

    async def _speak(self, client: ReconnectingClient, utterances: int) -> None:
        for number in range(utterances):
            await asyncio.sleep(random.uniform(0.5, 3))
            sound = marked(f"{self._name}.{number} ")
            for start in range(0, len(sound), _CHUNK_BYTES):
                await asyncio.sleep(_CHUNK_S)
                end = start + _CHUNK_BYTES
                if is_last := end >= len(sound):
                    self._spoken_s[sound.decode()] = time.monotonic()
                await client.send_chunk(sound[start:end], is_final=is_last)
        await client.end()

    async def _listen(self, client: ReconnectingClient) -> None:
        async with asyncio.timeout(_PATIENCE_S) as patience:
            async for message in client.messages():
                patience.reschedule(asyncio.get_running_loop().time() + _PATIENCE_S)
                if isinstance(message, TranslationResult):
                    self._note(message.text_asr)
                elif isinstance(message, MissingResult):
                    self._ended += 1
                    self._score.complaints.append(f"{self._name}: {message.utterance_index} {message.reason}")
                elif isinstance(message, SessionCloseAck):
                    return

    def _note(self, text: str) -> None:
        if text not in self._spoken_s:
            self._score.complaints.append(f"{self._name}: heard what nobody said: {text[:60]!r}")
            return
        if text in self._heard:
            self._score.duplicated += 1
        else:
            self._score.after_speech_s.append(time.monotonic() - self._spoken_s[text])
        self._heard.append(text)

    def _settle(self, news: list[str]) -> None:
        """Add to the score: a marker is lost that ended in neither result nor error."""
        score = self._score
        in_order = [text for text in self._spoken_s if text in self._heard]
        heard = list(dict.fromkeys(self._heard))
        lost = max(0, len(self._spoken_s) - len(heard) - self._ended)
        score.utterances += len(self._spoken_s)
        score.results += len(heard)
        score.errors += self._ended
        score.lost += lost
        score.misordered += sum(one != other for one, other in zip(heard, in_order, strict=True))
        if lost:
            score.complaints.append(f"{self._name}: {lost} lost; {'; '.join(news)}")


def marked(marker: str) -> bytes:
    """Give sound that the echo pipeline hears as this marker, said over and over."""
    size = _CHUNKS * _CHUNK_BYTES
    return (marker * (size // len(marker) + 1))[:size].encode()
