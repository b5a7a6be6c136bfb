"""What each message of a registered node does."""

import logging
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import gevent

from scheduling import tracing
from scheduling.along import Along
from scheduling.audio import InvalidAudio, decode_base64
from scheduling.bodies import Bodies
from scheduling.capability import CapabilityClass
from scheduling.errors import StoreError
from scheduling.ledger import Beat, Completed, Ledger, Stage
from scheduling.ledger.codes import BodyBudgetSpent, StaleAttempt, UnknownJob
from scheduling.messages import (
    ClientAsrPartial,
    ErrorCode,
    JobAck,
    JobResult,
    JobStarted,
    Message,
    NodeAsrPartial,
    NodeDrain,
    NodeErrorMessage,
    NodeHeartbeat,
    RequestPairingCode,
    ResourceUsage,
    UiEvent,
    UiEventName,
    UiStatus,
)
from scheduling.verdicts import is_curable
from tasks.names import ASSIGN_POOLS, CONTROL, DRAIN, DRAIN_RESULTS
from web.assigning import Assigner
from web.node_link import NodeLink, Sent, Spoken
from web.pairing import Pairings
from web.peers import Peers
from web.publisher import Publisher
from web.tallies import NodeTallies
from web.timing import Timings
from web.usage import UsageBook

_log = logging.getLogger(__name__)

#: Node id and credential's fingerprint to the tenant whose private node it is.
TenantOf = Callable[[str, str], str | None]

#: A reason that a node gives is kept this long, in characters.
_MOST_WORDS = 200
#: How often a result is offered to a ledger that does not answer, s.
_RETRY_S = 0.5


class NodeMessages:
    """Deals with what nodes say; one object for all nodes of the process."""

    def __init__(
        self,
        ledger: Ledger,
        bodies: Bodies,
        peers: Peers,
        assigner: Assigner,
        publisher: Publisher,
        instance: str,
        timings: Timings,
        tenant_of: TenantOf,
        pairings: Pairings,
        usage: UsageBook,
    ) -> None:
        self._ledger = ledger
        self._bodies = bodies
        self._peers = peers
        self._assigner = assigner
        self._publisher = publisher
        self._instance = instance
        self._timings = timings
        self._usage = usage
        self.tenant_of = tenant_of
        self.stale = 0
        """Messages about attempts that are no longer running; they change nothing."""
        self.tallies = NodeTallies()
        self.holding_back = False
        """This process is about to end: its nodes get no new work."""
        self._handlers: dict[type[Message], Callable[[NodeLink, Any], None]] = {
            NodeHeartbeat: self._heartbeat,
            JobAck: self._ack,
            JobStarted: self._started,
            NodeAsrPartial: self._partial,
            JobResult: self._result,
            NodeErrorMessage: self._error,
            NodeDrain: self._drain,
            RequestPairingCode: pairings.issue,
        }

    def handle(self, link: NodeLink, message: Message) -> None:
        """Deal with a message of a registered node."""
        self._handlers[type(message)](link, message)

    def _heartbeat(self, link: NodeLink, message: NodeHeartbeat) -> None:
        self.tallies.note_beat(link.last_beat, message)
        link.last_beat = message
        with self._timings.measure("heartbeat"):
            tenant = self._tenant(link) if link.registration.capability.tenant is not None else None
            capability = link.capability_of(message, tenant)
            usage = message.resource_usage
            state = self._ledger.nodes.heartbeat(
                Beat(
                    node_id=link.node_id,
                    socket=link.socket,
                    running=usage.running_jobs,
                    healthy=is_healthy(capability),
                    overloaded=is_overloaded(usage, self._ledger.cell.settings.resource_threshold),
                    usage=usage.model_dump_json(exclude_none=True),
                    capability=capability,
                    capability_changed=capability is not link.told_capability,
                    draining=message.draining or self.holding_back,
                    attempts=link.report(message.running_attempts),
                )
            )
        link.told_capability = capability
        link.touched_s = link.connection.last_seen_s
        link.send_status(state.status, state.status_seq, state.reason)
        link.send_aborts(state.aborts)
        if state.dirty:
            self._publisher.wake(ASSIGN_POOLS, CONTROL)

    def _tenant(self, link: NodeLink) -> str | None:
        """Give whose private node it is: what its credential says counts before the file of pools."""
        return link.identity.tenant or self.tenant_of(link.node_id, link.registration.credential)

    def repeat_heartbeat(self, link: NodeLink) -> None:
        """Tell the ledger once more what the node said last, so that it need not wait for the next time.

        What it was sent since then counts as running. Raises `LedgerError` and `StoreError`.
        """
        if link.last_beat is None:
            return
        usage = link.last_beat.resource_usage
        running = max(usage.running_jobs, len(link.attempts))
        usage = usage.model_copy(update={"running_jobs": running})
        said = link.last_beat.model_copy(update={"resource_usage": usage, "running_attempts": None})
        self._heartbeat(link, said)

    def _ack(self, link: NodeLink, message: JobAck) -> None:
        sent = link.sent(message.job_id, message.attempt_id)
        events = [_accepted(sent.utterance, sent.job_id, link.node_id)] if sent.utterance else []
        self._advance(link, sent, "accepted", *events)

    def _started(self, link: NodeLink, message: JobStarted) -> None:
        self._advance(link, link.sent(message.job_id, message.attempt_id), "started")

    def _partial(self, link: NodeLink, message: NodeAsrPartial) -> None:
        # The message has no attempt; one that another process sent is taken for the first.
        sent = link.sent(message.job_id, 1)
        events = _partial_of(sent.utterance, message) if sent.utterance else ()
        self._advance(link, sent, "progress", *events)

    def _advance(self, link: NodeLink, sent: Sent, stage: Stage, *events: Message) -> None:
        """Note a stage; tell the client here, or have the script tell the instance that holds it."""
        frames = [event.model_dump_json(exclude_none=True) for event in events]
        body = f"[{','.join(frames)}]" if frames else ""
        try:
            progress = self._ledger.jobs.advance(
                sent.job_id, link.node_id, sent.attempt, stage, uuid4().hex, self._instance, body
            )
        except (StaleAttempt, UnknownJob):
            self.stale += 1
            return
        session = self._peers.sessions.get(progress.session_id)
        if session is not None and progress.instance == self._instance:
            for frame in frames:
                if stage == "progress":
                    session.offer(frame)
                else:
                    session.send(frame)

    def _result(self, link: NodeLink, message: JobResult) -> None:
        with self._timings.measure("complete"):
            sent = link.sent(message.job_id, message.attempt_id)
            # The node's word for the attempt counts: what it was sent later is not what it answers.
            job_id, attempt = sent.job_id, message.attempt_id
            self._mark_model(link, message)
            call = self._usage.call()
            parent = sent.utterance.traceparent if sent.utterance else ""
            if tracing.on and parent:
                with tracing.span("take result", parent, job=job_id, node=link.node_id, attempt=attempt):
                    completed = self._complete_patiently(link, message, job_id, attempt, call)
            else:
                completed = self._complete_patiently(link, message, job_id, attempt, call)
        link.attempts.pop(message.job_id, None)
        if link.result_acks:
            link.send_result_ack(message, accepted=completed is not None)
        if completed is None:
            return
        if completed.counts:
            self._usage.done(link.node_id, completed.tenant, completed.audio_ms)
        if message.success:
            self.tallies.note_result(message)
        if completed.wake:
            self._publisher.wake(DRAIN_RESULTS, DRAIN, self._shard_of(message.session_id))
        for handed in completed.handed:
            self._assigner.send_handed(handed, link.node_id)
        if completed.state == "done":  # of one that failed, whoever tells its client settles the audio
            self._bodies.forget(f"a:{job_id}")

    def _mark_model(self, link: NodeLink, message: JobResult) -> None:
        """Take back at once what the node said it could do, before the job and others are placed again."""
        if message.error is None or message.error.code != ErrorCode.MODEL_NOT_AVAILABLE:
            return
        lasts_s = self._ledger.cell.settings.model_mark_ms / 1000
        if link.marks.note(message.error.details, lasts_s) and link.last_beat is not None:
            _log.warning("node %s lacks a model it offers: %.64r", link.node_id, link.marks.last)
            try:
                said = link.last_beat.model_copy(update={"running_attempts": None})  # it is out of date
                self._heartbeat(link, said)
            except StoreError as error:
                _log.warning(
                    "the models of node %s are told with its next heartbeat: %s", link.node_id, error
                )

    def _complete_patiently(
        self, link: NodeLink, message: JobResult, job_id: str, attempt: int, call: str
    ) -> Completed | None:
        """Try until the ledger takes the result: a node says it once. Raises `StoreError` at last.

        Meanwhile this node is not listened to, which is how it learns to wait.
        """
        until_s = time.monotonic() + self._ledger.cell.settings.attempt_ms / 1000
        while True:
            try:
                return self._complete(link, message, job_id, attempt, call)
            except StoreError:
                if time.monotonic() > until_s or link.connection.closed:
                    raise
            gevent.sleep(_RETRY_S)

    def _complete(
        self, link: NodeLink, message: JobResult, job_id: str, attempt: int, call: str
    ) -> Completed | None:
        speech, body = self._speech(link, message, job_id) if message.success else ("", None)
        error = message.error
        code = error.code if error else "PROCESSING_ERROR"
        verdict = "ok" if message.success else "retry" if is_curable(code) else "fail"
        try:
            return self._ledger.jobs.complete(
                job_id,
                link.node_id,
                attempt,
                verdict,  # type: ignore[arg-type]  # one of the three words
                instance=self._instance,
                result=message.model_dump_json(exclude={"tts_audio"}, exclude_none=True),
                speech=speech,
                body=body,
                code="" if message.success else code,
                message="" if message.success or not error else error.message,
                call=call,
            )
        except (StaleAttempt, UnknownJob):
            self.stale += 1
            if speech and body is None:
                self._bodies.forget(speech)
            return None

    def _speech(self, link: NodeLink, message: JobResult, job_id: str) -> tuple[str, Along | None]:
        """See that the spoken translation is stored before the job counts as done, or in the same step.

        Gives its name, empty for none; the node is part of it: what another one says of this attempt never
        takes its place.
        """
        if not message.tts_audio:
            return "", None
        name = f"s:{job_id}:{message.attempt_id}:{link.node_id}"
        try:
            decode_base64(message.tts_audio)  # it goes into the client's frame as it is
            body = self._bodies.along(name, message.tts_audio)
            if body is None:
                self._bodies.put(name, message.tts_audio).wait()
            if message.session_id in self._peers.sessions:  # it will be wanted here
                self._bodies.at_hand.put(name, message.tts_audio)
        except (InvalidAudio, BodyBudgetSpent, StoreError) as error:
            _log.warning("speech of job %s cannot be stored, its text goes alone: %s", job_id, error)
            return "", None
        return name, body

    def _shard_of(self, session_id: str) -> int:
        return self._ledger.jobs.shard_of(session_id)

    def _error(self, link: NodeLink, message: NodeErrorMessage) -> None:
        # Its sentence may repeat what somebody said, which no log may hold.
        _log.warning(
            "node %s reports %.64r, in %d characters", link.node_id, message.code, len(message.message)
        )

    def _drain(self, link: NodeLink, message: NodeDrain) -> None:
        reason = (message.reason or "the node leaves")[:_MOST_WORDS]
        status, seq = self._ledger.nodes.drain(link.node_id, "node", reason, link.socket)
        link.send_status(status, seq, reason)


def is_overloaded(usage: ResourceUsage, threshold: float) -> bool:
    """Whether a resource of the node is used as much as the threshold (%); at 100 none is too much."""
    parts = (usage.cpu_percent, usage.mem_percent, usage.gpu_percent or 0, usage.gpu_mem_percent or 0)
    return threshold < 100 and max(parts) >= threshold


def is_healthy(capability: CapabilityClass) -> bool:
    """Whether a node can do anything at all: some service is ready."""
    return bool(capability.services)


def _partial_of(utterance: Spoken, message: NodeAsrPartial) -> tuple[Message, Message]:
    partial = ClientAsrPartial(
        session_id=utterance.session_id,
        utterance_index=utterance.utterance_index,
        text=message.text,
        is_final=message.is_final,
        trace_id=utterance.trace_id,
    )
    return partial, _event(utterance, UiEventName.ASR_PARTIAL, "")


def _accepted(utterance: Spoken, job_id: str, node_id: str) -> UiEvent:
    event = _event(utterance, UiEventName.NODE_ACCEPTED, job_id)
    return event.model_copy(update={"node_id": node_id}) if utterance.journey else event


def _event(utterance: Spoken, name: UiEventName, job_id: str) -> UiEvent:
    return UiEvent(
        trace_id=utterance.trace_id,
        session_id=utterance.session_id,
        job_id=job_id,
        utterance_index=utterance.utterance_index,
        event=name,
        status=UiStatus.OK,
    )
