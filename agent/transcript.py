"""What a session brought: the texts, the spoken translation, what is still missing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from importlib import import_module

from agent.wav import BadWav, Recording, join, read_wav
from scheduling.messages import (
    ErrorMessage,
    MissingResult,
    ServerMessageToClient,
    TranslationResult,
    UiEvent,
    UiEventName,
)


class CannotPlay(ValueError):
    """A spoken answer cannot be read here; the message says why."""


class Transcript:
    """Collects the messages of a session, in whatever order they come."""

    def __init__(self) -> None:
        self.errors: list[ErrorMessage] = []
        self._begun: set[int] = set()
        self._ended: set[int] = set()
        self._results: dict[int, TranslationResult] = {}

    def take(self, message: ServerMessageToClient) -> None:
        """Note a message; those that are about no utterance change nothing."""
        if isinstance(message, ErrorMessage):
            self.errors.append(message)
        elif isinstance(message, UiEvent):
            failed = message.event is UiEventName.ERROR
            (self._ended if failed else self._begun).add(message.utterance_index)
        elif isinstance(message, TranslationResult):
            self._results[message.utterance_index] = message
            self._ended.add(message.utterance_index)
        elif isinstance(message, MissingResult):
            self._ended.add(message.utterance_index)

    @property
    def jobs(self) -> int:
        """How many utterances have ended, with or without a result."""
        return len(self._ended)

    @property
    def is_settled(self) -> bool:
        """Whether every utterance that is known to have begun has ended."""
        return self._begun <= self._ended

    @property
    def text_asr(self) -> str:
        """The recognised texts, in the order they were spoken."""
        return " ".join(each.text_asr for each in self._in_order() if each.text_asr)

    @property
    def text_translated(self) -> str:
        """The translations, in the same order."""
        return " ".join(each.text_translated for each in self._in_order() if each.text_translated)

    def speech(self, sample_rate: int) -> Recording | None:
        """Join the spoken translation; None if there is none.

        ``sample_rate`` is the session's, in Hz, which raw pcm16 answers have. Raises `CannotPlay`.
        """
        spoken = [each for each in self._in_order() if each.tts_audio]
        return join([_recording(each, sample_rate) for each in spoken]) if spoken else None

    def _in_order(self) -> Iterator[TranslationResult]:
        return (self._results[index] for index in sorted(self._results))


def _recording(result: TranslationResult, sample_rate: int) -> Recording:
    try:
        audio = base64.b64decode(result.tts_audio, validate=True)
        return _read(audio, result.tts_format, sample_rate)
    except (binascii.Error, BadWav) as error:
        raise CannotPlay(
            f"the speech of utterance {result.utterance_index} cannot be read: {error}"
        ) from error


def _read(audio: bytes, tts_format: str, sample_rate: int) -> Recording:
    match tts_format:
        case "wav":
            return read_wav(audio)
        case "pcm16":
            return Recording(audio, sample_rate)
        case "opus":
            return _read_opus(audio)
    raise CannotPlay(f"the speech came as '{tts_format[:40]}', which is not known here")


def _read_opus(audio: bytes) -> Recording:
    try:
        opus = import_module("agent.opus")
    except ImportError as error:
        raise CannotPlay(
            "the speech came as Opus, which needs: pip install 'speech-dispatch[speech]'"
        ) from error
    try:
        decoded: Recording = opus.decode(audio)
    except opus.BadOpus as error:
        raise CannotPlay(str(error)) from error
    return decoded
