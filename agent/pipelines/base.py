"""What a pipeline is: the plug-in that does the work of a node.

A pipeline is a class whose instances have what `Pipeline` names; its constructor takes
`PipelineOptions`. ``--pipeline module:Class`` runs one that is not ours. Its methods are called in
threads of a pool, as many at once as the node has slots, so `Pipeline.process` must be thread-safe.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from scheduling.messages import Device, ExtraResult, JobAssign, ServiceType

Pair = tuple[str, str]


class PipelineError(Exception):
    """A job failed in a way the server is told of: ``code`` and ``message`` go into ``job_result.error``.

    Codes the server knows what to do with are MODEL_NOT_AVAILABLE, NMT_TIMEOUT, TTS_TIMEOUT and
    NODE_OVERLOADED (another node may do better); anything else reaches the client as it is.
    """

    def __init__(self, code: str, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


class JobCancelled(Exception):
    """Raised by `Progress.check` inside a pipeline whose job was cancelled."""


class PipelineUnavailable(Exception):
    """The pipeline cannot run here; the message says what to install or to correct."""


class Progress:
    """The line between a running job and its node: partial text goes out, cancellation comes in.

    All methods may be called from any thread.
    """

    def __init__(self, on_partial: Callable[[str, bool], None] | None = None) -> None:
        self._on_partial = on_partial
        self._cancelled = threading.Event()

    def partial(self, text: str, *, is_final: bool = False) -> None:
        """Show what is recognised so far; ``is_final`` when the recognition will not change any more."""
        if self._on_partial is not None and not self.cancelled:
            self._on_partial(text, is_final)

    def cancel(self) -> None:
        """Flag the job as no longer wanted."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether the result would be thrown away."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Call between the stages of a job.

        Raises `JobCancelled`: the result would be thrown away.
        """
        if self.cancelled:
            raise JobCancelled

    def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` (s), or until the job is cancelled."""
        self._cancelled.wait(seconds)


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """What came out of a job. All empty means that nothing was said, which is a success."""

    text_asr: str = ""
    text_translated: str = ""
    tts_audio: bytes = b""
    tts_format: str = "wav"
    extra: ExtraResult | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One running implementation of a service type, as the server lists it."""

    service_id: str
    type: ServiceType
    device: Device = Device.CPU
    version: str = "1.0.0"
    model_id: str | None = None
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a loaded pipeline can do; language codes as in the protocol (``en``, ``pt``).

    ``pairs`` are the (source, target) pairs served; None serves every pair of two different
    ``asr_languages`` and ``tts_languages``. ``slots`` is how many jobs at once suit the pipeline
    when nobody says otherwise.
    """

    services: tuple[Service, ...]
    asr_languages: tuple[str, ...]
    tts_languages: tuple[str, ...]
    pairs: tuple[Pair, ...] | None = None
    slots: int = 4


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """What the command line says to a pipeline; each reads what concerns it.

    ``slots`` and ``threads`` are counts (None: the pipeline chooses), ``service_ms`` is a mean
    service time in ms, ``tts_format`` is ``wav``, ``pcm16`` or ``opus``; ``own`` holds the
    ``--option name=value`` pairs for pipelines that are not ours.
    """

    slots: int | None = None
    threads: int | None = None
    tts_format: str = "wav"
    service_ms: float = 0.0
    service_distribution: str = "fixed"
    seed: int | None = None
    pairs: str = "*"
    partials: int = 0
    own: Mapping[str, str] = field(default_factory=dict)


class Pipeline(Protocol):
    """The work of a node."""

    name: str

    def load(self) -> None:
        """Make ready for work: read models, warm up. Called once, before anything else.

        Raises `PipelineUnavailable`: it cannot run here.
        """

    def capabilities(self) -> Capabilities:
        """Say what the loaded pipeline can do; the node states it at registration and in heartbeats."""

    def process(self, job: JobAssign, progress: Progress) -> PipelineResult:
        """Do one job, blocking; the node calls it from several threads.

        Raises `PipelineError`: the job failed; the server is told.
        Raises `JobCancelled`: `Progress.check` said so; nothing is sent.
        """


def audio_of(job: JobAssign) -> bytes:
    """Decode the audio of a job from base64.

    Raises `PipelineError`: INVALID_MESSAGE, when it is not base64.
    """
    try:
        return base64.b64decode(job.audio, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PipelineError("INVALID_MESSAGE", f"The audio of the job is not base64: {error}.") from error
