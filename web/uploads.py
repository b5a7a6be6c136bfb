"""A recording over HTTP: an utterance of a session of its own that has no socket."""

import base64
import json
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

import gevent

from scheduling.audio import InvalidAudio, check, decode_base64
from scheduling.bodies import Bodies
from scheduling.credentials import CLIENT, OPEN, Identity
from scheduling.cutter import CutLimits, Cutter
from scheduling.delivery import OutEntry
from scheduling.errors import StoreError
from scheduling.explain import read_job, views
from scheduling.jobspec import JobSpec
from scheduling.ledger import Ledger
from scheduling.ledger.cell import text
from scheduling.ledger.codes import LedgerError, UnknownJob
from scheduling.limits import CANARY, NO_LIMITS
from scheduling.messages import ErrorCode, MissingResult, SessionInit, TranslationResult, Utterance
from web.asking import ask_for_utterance
from web.connection import Connection
from web.limiter import Limiter
from web.node_link import socket_token
from web.placing import Placer
from web.refused import Refused
from web.session_link import SessionLink

#: Names of these sessions begin so; only their jobs may be read by whoever knows the id.
_PREFIX = "http-"
_LOOK_S = 0.05
#: Stated of a WAV file, which says its own, Hz.
_CANARY_RATE = 16_000
#: What a session says of its jobs, by the same names as their assignment.
_SAME = (
    "src_lang", "tgt_lang", "dialect", "features", "mode", "lang_a", "lang_b", "auto_langs", "trace_id",
)  # fmt: skip


class _NoSocket:
    """Stands where a session's socket would be: nobody listens, the result is read from the ledger."""

    closed = False

    def send(self, _data: object) -> None:
        """Drop a frame."""


class UploadState(views.View):
    """Where a recording stands; exactly one of ``result`` and ``missing`` is there once it has ended."""

    job_id: str
    state: str
    """As a job's: waiting, assigned, … done, failed, cancelled."""
    result: TranslationResult | None = None
    """Texts, speech (base64) and timings."""
    missing: MissingResult | None = None
    """There is no translation, and why."""
    code: str | None = None
    message: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        return self.result is not None or self.missing is not None


class Uploads:
    """Recordings of this process; one object for all."""

    def __init__(
        self, ledger: Ledger, bodies: Bodies, placer: Placer, instance: str, limiter: Limiter
    ) -> None:
        self._ledger = ledger
        self._bodies = bodies
        self._placer = placer
        self._limiter = limiter
        self._instance = instance
        self.waiting = 0
        """Requests that wait for a result now."""

    def place(
        self,
        audio: bytes,
        audio_format: str,
        sample_rate: int,
        init: SessionInit,
        identity: Identity = OPEN[CLIENT],
    ) -> str:
        """Place a recording and give its job.

        Raises `InvalidAudio`, `Refused`, `LedgerError` and `StoreError`.
        """
        audio_ms = check(audio_format, audio, sample_rate)
        if audio_ms == 0:
            raise Refused(
                ErrorCode.INVALID_MESSAGE, "The recording holds no sound. Send at least 1 ms of it."
            )
        encoded = base64.b64encode(audio).decode("ascii")
        return self._place(encoded, audio_format, sample_rate, init, audio_ms, identity)

    def place_canary(self, audio: bytes, init: SessionInit, node_id: str) -> str:
        """Place a WAV file whose text is known, on this node if it can take it now; give its job.

        No limit of a tenant counts for it. Raises as `place`, and `InvalidAudio` for one without sound.
        """
        audio_ms = check("wav", audio, _CANARY_RATE)
        if audio_ms == 0:
            raise InvalidAudio("The recording holds no sound.")
        link = self._session(init.model_copy(update={"tenant_id": CANARY}), _CANARY_RATE)
        link.paired_node, link.limits = node_id, NO_LIMITS
        encoded = base64.b64encode(audio).decode("ascii")
        return self._place_in(link, encoded, "wav", _CANARY_RATE, audio_ms, canary=True)

    def replay(self, spec: JobSpec, audio: str, tenant: str) -> str:
        """Place once more what a job asked for, with its audio (base64), as a recording; give the new job.

        Raises `Refused`, `LedgerError` and `StoreError`.
        """
        asked = json.loads(spec.assignment)
        same = {name: asked[name] for name in _SAME if name in asked}
        init = SessionInit.model_validate(
            {
                "client_version": "replay",
                "platform": "operator",
                "pipeline": json.loads(spec.pipeline),
                "tenant_id": tenant or None,
                **same,
            }
        )
        audio_format, rate = asked["audio_format"], asked["sample_rate"]
        audio_ms = check(audio_format, decode_base64(audio), rate)
        return self._place(audio, audio_format, rate, init, audio_ms)

    def _place(
        self,
        audio: str,
        audio_format: str,
        sample_rate: int,
        init: SessionInit,
        audio_ms: int,
        identity: Identity = OPEN[CLIENT],
    ) -> str:
        link = self._session(init, sample_rate)
        link.identity = identity
        link.limits = link.limits.with_stated(identity.limits)
        return self._place_in(link, audio, audio_format, sample_rate, audio_ms)

    def _place_in(
        self,
        link: SessionLink,
        audio: str,
        audio_format: str,
        sample_rate: int,
        audio_ms: int,
        *,
        canary: bool = False,
    ) -> str:
        init = link.init
        message = Utterance(
            session_id=link.session_id,
            utterance_index=0,
            manual_cut=True,
            src_lang=init.src_lang,
            tgt_lang=init.tgt_lang,
            dialect=init.dialect,
            audio=audio,
            audio_format=audio_format,
            sample_rate=sample_rate,
        )
        try:
            ask = replace(ask_for_utterance(link, message, audio_ms), canary=canary)
            return self._placer.place(link, ask).job_id
        except Refused:
            with suppress(LedgerError, StoreError):  # then it lapses
                self._ledger.sessions.close(link.session_id, link.socket)
            raise

    def _session(self, init: SessionInit, sample_rate: int) -> SessionLink:
        link = SessionLink(
            session_id=f"{_PREFIX}{uuid4().hex}",
            socket=socket_token(),
            connection=cast(Connection, _NoSocket()),
            init=init,
            trace_id=init.trace_id or str(uuid4()),
            cutter=Cutter(CutLimits(), "pcm16", sample_rate),
            audio_format="pcm16",
            sample_rate=sample_rate,
            profile=init.model_dump_json(exclude_none=True, exclude={"type", "pairing_code"}),
        )
        link.limits = self._limiter.table.of(link.tenant)
        link.epoch, _ = self._ledger.sessions.open(link.session_id, self._instance, link.socket, link.profile)
        return link

    def tenant_of(self, job_id: str) -> str:
        """Give whose recording it is, "" for nobody's. Raises `UnknownJob` and `StoreError`."""
        job = read_job(self._ledger.cell, job_id)
        key = self._ledger.keys.session(job.session_id)
        profile = json.loads(text(self._ledger.cell.store.command("HGET", key, "profile")) or "{}")
        return str(profile.get("tenant_id") or "")

    def wait(self, job_id: str, wait_s: float) -> UploadState:
        """Give where a recording stands once it has ended, or the time is over. Raises as `read`."""
        until_s = time.monotonic() + wait_s
        self.waiting += 1
        try:
            while not (state := self.read(job_id)).ended and time.monotonic() < until_s:
                gevent.sleep(_LOOK_S)
        finally:
            self.waiting -= 1
        return state

    def read(self, job_id: str) -> UploadState:
        """Give where a recording stands. Raises `UnknownJob` and `StoreError`."""
        job = read_job(self._ledger.cell, job_id)
        if not job.session_id.startswith(_PREFIX):
            raise UnknownJob(f"There is no recording {job_id}.")
        store, keys = self._ledger.cell.store, self._ledger.keys
        found = store.command("XRANGE", keys.out(job.session_id), "-", "+", "COUNT", 1)
        ended: dict[str, Any] = self._end(OutEntry.parse(found[0])) if found else {}
        if ended:
            self.close(job.session_id)
        return UploadState(
            job_id=job_id,
            state=job.state,
            code=job.code if ended else None,
            message=job.message if ended else None,
            **ended,
        )

    def _end(self, entry: OutEntry) -> dict[str, Any]:
        speech = (self._bodies.get(entry.speech) if entry.speech else None) or ""
        main = entry.frames(speech)[-1]
        if '"type":"translation_result"' in main[:30]:
            return {"result": TranslationResult.model_validate_json(main)}
        return {"missing": MissingResult.model_validate_json(main)}

    def close(self, session_id: str) -> None:
        """Let the session's record go after the retention: nothing more is said in it.

        Raises `StoreError`.
        """
        socket = self._ledger.cell.store.command("HGET", self._ledger.keys.session(session_id), "socket")
        if socket:
            self._ledger.sessions.close(session_id, text(socket))
