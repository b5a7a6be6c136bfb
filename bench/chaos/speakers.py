"""The load: sessions that speak, come back after each loss, and keep the score; a process of its own.

It prints JSON lines: ``error`` as soon as one came, and ``session`` at its end with what became of every
utterance. SIGTERM lets everybody finish the sentence and wait for what is owed.
"""

import argparse
import asyncio
import json
import random
import signal
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from agent.client import SessionRefused
from agent.reconnecting import Languages, ReconnectingClient
from bench.chaos.transcript import CHUNK_BYTES, RATE, Answer, Transcript
from scheduling.messages import (
    ErrorMessage,
    MissingResult,
    ServerMessageToClient,
    SessionCloseAck,
    SessionInitAck,
    TranslationResult,
    UiEvent,
    UiEventName,
)

_CHUNK_S = 0.25
_PAUSE_S = (0.5, 3.0)
_UTTERANCES = (6, 14)
#: A session that hears nothing for so long although something is owed to it has lost it, s.
_PATIENCE_S = 75.0
_AGAIN_S = 0.5
#: Every so manieth speaker sends whole utterances instead of a stream.
_WHOLE = 5
_FAILURES = (ConnectionClosed, OSError, InvalidHandshake, SessionRefused, TimeoutError)


def main() -> None:
    """Speak until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--urls", required=True, help="session sockets, apart by commas")
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    asyncio.run(Speakers(args.urls.split(","), args.sessions, args.seed).run())


class Speakers:
    """So many sessions at any time, each of some utterances and followed by another."""

    def __init__(self, urls: list[str], sessions: int, seed: int) -> None:
        self._urls = urls
        self._sessions = sessions
        self._seed = seed
        self._enough = asyncio.Event()

    async def run(self) -> None:
        """Speak until told that it is enough; returns when nothing is owed any more."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._enough.set)
        await asyncio.gather(*(self._speak(number) for number in range(self._sessions)))

    async def _speak(self, number: int) -> None:
        draw, turn = random.Random(f"{self._seed}.{number}"), 0
        await _sleep_unless(self._enough, 5 * number / self._sessions)
        while not self._enough.is_set():
            first = (number + turn) % len(self._urls)
            urls = self._urls[first:] + self._urls[:first]
            session = Session(f"{number}.{turn}", urls, draw, self._enough, whole=number % _WHOLE == 0)
            if not await session.run():
                await _sleep_unless(self._enough, _AGAIN_S)  # nobody let it in
            turn += 1


class Session:
    """One session, from its opening to its end, however many sockets that takes."""

    def __init__(
        self, name: str, urls: list[str], draw: random.Random, enough: asyncio.Event, *, whole: bool
    ) -> None:
        self._transcript = Transcript(name)
        self._urls = urls
        self._draw = draw
        self._enough = enough
        self._whole = whole
        self._session_id = ""
        self._sessions = 0
        self._owed: dict[tuple[int, int], UiEvent] = {}
        self._refused: set[tuple[int, int]] = set()
        self._news: list[str] = []
        self._again = 0

    async def run(self) -> bool:
        """Speak, wait for every answer, leave, and report; False when it did not come to a session."""
        news = self._news
        resumed = 0
        try:
            async with ReconnectingClient.connect(
                self._urls, lambda said: news.append(_stamped(said))
            ) as client:
                self._note_session(await client.open(Languages("en", "pt"), sample_rate=RATE))
                speaking = asyncio.create_task(self._speak(client))
                try:
                    with suppress(TimeoutError):
                        await self._listen(client)
                finally:
                    resumed = client.resumed
                    speaking.cancel()
                    (ended,) = await asyncio.gather(speaking, return_exceptions=True)
                    if ended and not isinstance(ended, asyncio.CancelledError):
                        self._transcript.complaints.append(f"the speaker broke: {ended!r}")
        except _FAILURES as error:
            news.append(_stamped(f"{type(error).__name__}: {error}"))
        if self._transcript.said:
            self._report(resumed, news)
        return bool(self._session_id)

    async def _speak(self, client: ReconnectingClient) -> None:
        left = self._draw.randint(*_UTTERANCES)
        while (left or self._again) and not self._enough.is_set():
            await _sleep_unless(self._enough, self._draw.uniform(*_PAUSE_S))
            if self._again:
                self._again -= 1  # what was refused is said again, as an utterance of its own
            else:
                left -= 1
            await self._utter(client, self._transcript.say(time.time()))
        await client.end()

    async def _utter(self, client: ReconnectingClient, sound: bytes) -> None:
        if self._whole:
            index = len(self._transcript.said) - 1
            await client.send_utterance(sound, audio_format="pcm16", sample_rate=RATE, index=index)
            return
        for start in range(0, len(sound), CHUNK_BYTES):
            await asyncio.sleep(_CHUNK_S)
            is_last = start + CHUNK_BYTES >= len(sound)
            self._transcript.spoken(time.time())
            await client.send_chunk(sound[start : start + CHUNK_BYTES], is_final=is_last)

    async def _listen(self, client: ReconnectingClient) -> None:
        async with asyncio.timeout(_PATIENCE_S) as patience:
            async for message in client.messages():
                patience.reschedule(asyncio.get_running_loop().time() + _PATIENCE_S)
                self._note(message)
                if isinstance(message, SessionCloseAck):
                    return

    def _note(self, message: ServerMessageToClient) -> None:
        now_s = time.time()
        self._news.append(_stamped(_brief(message)))
        match message:
            case SessionInitAck():
                self._note_session(message)
            case UiEvent(event=UiEventName.ERROR):
                self._owed[self._sessions, message.utterance_index] = message
            case ErrorMessage(details={"utterance_index": int(index)}):
                self._note_refusal(index, now_s)
            case TranslationResult():
                self._answer(message.utterance_index, now_s, text=message.text_asr, job=message.job_id)
            case MissingResult():
                self._note_missing(message, now_s)

    def _note_session(self, ack: SessionInitAck) -> None:
        if ack.session_id != self._session_id:
            self._session_id = ack.session_id
            self._sessions += 1
        if ack.history_lost:
            self._transcript.complaints.append(f"{self._transcript.name}: its history was lost")

    def _note_refusal(self, index: int, now_s: float) -> None:
        """Note a refusal: its event names no job, as there is none. A missing result may follow it."""
        event = self._owed.get((self._sessions, index))
        if event and not event.job_id:
            del self._owed[self._sessions, index]
            self._refused.add((self._sessions, index))
            self._again += 1
            self._end(index, now_s, "refused", event)

    def _note_missing(self, message: MissingResult, now_s: float) -> None:
        """Note an error, unless it is the end of a refusal."""
        key = self._sessions, message.utterance_index
        if key in self._refused:
            self._refused.discard(key)
        else:
            self._end(message.utterance_index, now_s, "error", self._owed.pop(key, None), message.reason)

    def _end(self, index: int, now_s: float, outcome: str, event: UiEvent | None, reason: str = "") -> None:
        job = event.job_id if event else ""
        code = str(event.error_code or event.hint) if event else reason
        self._answer(index, now_s, outcome=outcome, code=code, job=job)
        _tell("error", session=self._session_id, at_s=now_s, outcome=outcome, code=code, job=job)

    def _answer(self, index: int, now_s: float, **what: Any) -> None:
        # A session begun anew counts from 0 again; what it says comes after all that was said before.
        self._transcript.answers.append(Answer(index + self._sessions * 1_000_000, now_s, **what))

    def _report(self, resumed: int, news: list[str]) -> None:
        transcript = self._transcript
        transcript.settle()
        if any(said.outcome == "lost" for said in transcript.said):
            transcript.complaints += [f"{transcript.name} ({self._session_id}): {each}" for each in news]
        _tell(
            "session",
            name=transcript.name,
            session=self._session_id,
            said=[asdict(each) for each in transcript.said],
            duplicated=transcript.duplicated,
            misordered=transcript.misordered,
            resumed=resumed,
            complaints=transcript.complaints,
        )


async def _sleep_unless(enough: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await enough.wait()


def _stamped(said: str) -> str:
    return f"{time.time():.3f} {said}"


def _brief(message: ServerMessageToClient) -> str:
    """Say what a message is about, for the log of a session that lost something."""
    said = message.model_dump(mode="json", exclude_none=True)
    names = (
        "type",
        "event",
        "utterance_index",
        "job_id",
        "code",
        "details",
        "reason",
        "seq",
        "offset",
        "audio_seq",
        "action",
    )
    return " ".join(str(said[name]) for name in names if name in said)


def _tell(kind: str, **what: Any) -> None:
    sys.stdout.write(json.dumps({"kind": kind, **what}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
