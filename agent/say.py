"""``speech-dispatch say``: speak a recording to the server, show and keep what comes back."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from agent.backoff import refusal_reason
from agent.client import Languages, SessionRefused
from agent.link import CREDENTIAL_REFUSALS, advised
from agent.output import Output
from agent.reconnecting import ReconnectingClient
from agent.together import together
from agent.transcript import CannotPlay, Transcript
from agent.wav import BadWav, Recording, read_wav, resample, write_wav
from scheduling.messages import (
    ClientAsrPartial,
    ErrorMessage,
    MissingResult,
    ServerMessageToClient,
    SessionCloseAck,
    SessionInitAck,
    StreamFormat,
    TranslationResult,
)
from scheduling.redaction import redact

#: The server ends every utterance within 60 s. Saying nothing for longer, it will say nothing more. In s.
SILENT_S = 75.0
#: Rates a server takes, in Hz; a recording outside of them is resampled to the usual one.
LOWEST_RATE = 8_000
HIGHEST_RATE = 48_000
USUAL_RATE = 16_000


class SayFailed(Exception):
    """It cannot go on; the message is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class SayOptions:
    """What to say, to whom, and where the spoken translation goes."""

    file: Path
    languages: Languages
    url: str
    token: str = field(default="", repr=False)
    """Credential, where the server wants one."""
    fast: bool = False
    vad: bool = False
    out: Path = field(default_factory=Path)
    as_json: bool = False


class Say:
    """One recording, spoken once."""

    def __init__(self, options: SayOptions, output: Output) -> None:
        self._options = options
        self._output = output
        self._transcript = Transcript()
        self._patience: asyncio.Timeout | None = None
        self._spoken_at: float | None = None
        self._heard_at: float | None = None

    async def run(self) -> int:
        """Speak and wait for every result; 0, or 1 after a sentence if the file or the server fails."""
        try:
            await self._converse(self._read())
        except (SayFailed, SessionRefused, BadWav, CannotPlay) as problem:
            self._output.complain(advised(str(problem)))
        except InvalidStatus as refused:
            self._output.complain(self._why_refused(refused))
        except ConnectionClosed as closed:
            self._output.complain(f"the server closed the connection: {closed}")
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
            reason = str(error) or type(error).__name__
            silent = f"no dispatch server answers at {self._options.url}: {reason}"
            self._output.complain(redact(f"{silent}. Is it running? Name another with --url."))
        else:
            return 1 if self._transcript.errors else 0
        return 1

    def _why_refused(self, refused: InvalidStatus) -> str:
        said = refused.response.body.decode("utf-8", "replace").strip()
        if said.startswith(CREDENTIAL_REFUSALS):
            return advised(said)
        return f"no dispatch server answers at {redact(self._options.url)}: {refusal_reason(refused)}"

    def _read(self) -> Recording:
        try:
            recording = read_wav(self._options.file.read_bytes())
        except OSError as error:
            raise SayFailed(f"{self._options.file} cannot be read: {error.strerror}") from error
        except BadWav as error:
            raise SayFailed(f"{self._options.file} is no recording for this: {error}") from error
        if LOWEST_RATE <= recording.sample_rate <= HIGHEST_RATE:
            return recording
        return self._resampled(recording, USUAL_RATE)

    def _resampled(self, recording: Recording, rate: int) -> Recording:
        self._output.line(f"resampling from {recording.sample_rate} to {rate} Hz")
        return resample(recording, rate)

    async def _converse(self, recording: Recording) -> None:
        urls = self._options.url.split(",")
        async with ReconnectingClient.connect(urls, self._output.line, token=self._options.token) as client:
            recording = await self._open(client, recording)
            speak = self._speak_at_once if self._options.fast else self._stream
            try:
                async with asyncio.timeout(SILENT_S) as self._patience:
                    await together(speak(client, recording), self._listen(client))
            except TimeoutError as error:
                raise SayFailed(f"the server has said nothing for {SILENT_S:.0f} s") from error
        self._conclude(recording.sample_rate)

    async def _open(self, client: ReconnectingClient, recording: Recording) -> Recording:
        """Open the session; returns the recording at the rate the server takes."""
        fast = self._options.fast
        rate = None if fast else recording.sample_rate
        vad = self._options.vad
        session = await client.open(self._options.languages, sample_rate=rate, vad=vad)
        name = self._options.file.name
        self._output.line(f"session {session.session_id}: {name}, {recording.seconds:.1f} s")
        if vad and not session.vad:
            self._output.line("this server does not hear where speech ends; it cuts by time")
        if not fast and session.negotiated_audio_format != StreamFormat.PCM16:
            raise SayFailed("this server takes only Opus in a stream; send the recording at once with --fast")
        if fast or session.negotiated_sample_rate == recording.sample_rate:
            return recording
        return self._resampled(recording, session.negotiated_sample_rate)

    async def _stream(self, client: ReconnectingClient, recording: Recording) -> None:
        def show(spoken_s: float) -> None:
            self._output.progress(f"spoken {spoken_s:.1f} s of {recording.seconds:.1f} s")
            self._wait_on()

        await client.stream(recording, on_chunk=show)
        self._spoken_at = time.monotonic()
        await client.end()

    async def _speak_at_once(self, client: ReconnectingClient, recording: Recording) -> None:
        """Send the whole recording; `_listen` ends the session when it is answered."""
        await client.send_utterance(
            write_wav(recording), audio_format="wav", sample_rate=recording.sample_rate
        )
        self._spoken_at = time.monotonic()

    async def _listen(self, client: ReconnectingClient) -> None:
        """Take what comes until the session is closed and every utterance that began has ended."""
        ends_it = self._options.fast
        is_closed = False
        async for message in client.messages():
            self._wait_on()
            self._take(message)
            if ends_it and (self._transcript.jobs or self._transcript.errors):
                ends_it = False
                await client.end()
            is_closed = is_closed or isinstance(message, SessionCloseAck)
            if is_closed and self._transcript.is_settled:
                return
        raise SayFailed("the server closed the connection before it had given every result")

    def _wait_on(self) -> None:
        if self._patience is not None and not self._patience.expired():
            self._patience.reschedule(asyncio.get_running_loop().time() + SILENT_S)

    def _take(self, message: ServerMessageToClient) -> None:
        self._transcript.take(message)
        languages = self._options.languages
        match message:
            case ClientAsrPartial(text=text):
                self._output.line(f"  ... {text}")
            case TranslationResult():
                self._heard_at = time.monotonic()
                self._output.line(f"{languages.src}: {message.text_asr}")
                self._output.line(f"{languages.tgt}: {message.text_translated}")
            case SessionInitAck(resumed=False):
                raise SayFailed("the server does not know this session any more; say it again")
            case SessionInitAck(history_lost=True):
                self._output.complain("results that came meanwhile may be lost")
            case MissingResult(utterance_index=index, reason=reason):
                self._output.line(f"utterance {index} has no result: {reason}")
            case ErrorMessage(code=code, message=sentence):
                self._output.complain(f"{code}: {sentence}")

    def _conclude(self, sample_rate: int) -> None:
        speech = self._transcript.speech(sample_rate)
        if speech is not None:
            self._output.line(f"spoken translation, {speech.seconds:.1f} s: {self._save(speech)}")
        if self._options.as_json:
            self._output.line(json.dumps(self._summary(speech), ensure_ascii=False))

    def _save(self, speech: Recording) -> Path:
        path = self._options.out / f"{self._options.file.stem}.{self._options.languages.tgt}.wav"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(write_wav(speech))
        except OSError as error:
            raise SayFailed(f"{path} cannot be written: {error.strerror}") from error
        return path

    def _summary(self, speech: Recording | None) -> dict[str, object]:
        wait_s = None
        if self._heard_at is not None and self._spoken_at is not None:
            wait_s = max(0.0, self._heard_at - self._spoken_at)
        return {
            "text_asr": self._transcript.text_asr,
            "text_translated": self._transcript.text_translated,
            "tts_seconds": round(speech.seconds, 2) if speech else 0.0,
            "e2e_after_speech_ms": None if wait_s is None else round(wait_s * 1000),
            "jobs": self._transcript.jobs,
        }
