"""A registered node as this process sees it: its socket and the attempts sent over it."""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from scheduling.capability import CapabilityClass, capability_class
from scheduling.credentials import NODE, OPEN, Identity
from scheduling.jobspec import job_of_wire_id
from scheduling.ledger import NodeRegistration
from scheduling.messages import (
    CapabilityByType,
    HardwareInfo,
    JobCancel,
    JobResult,
    JobResultAck,
    NodeHeartbeat,
    NodeLanguageCapabilities,
    NodeStatus,
    NodeStatusMessage,
    RunningAttempt,
    dump,
)
from web.close_codes import CloseCode
from web.connection import Connection, ConnectionClosed
from web.model_marks import ModelMarks, without

_log = logging.getLogger(__name__)

#: Attempts that a node may list, by slots: those it runs, and those whose results are on their way.
_MOST_LISTED = 16


@dataclass(frozen=True, slots=True)
class Spoken:
    """The utterance a job is about, in the words its client knows."""

    session_id: str
    utterance_index: int
    trace_id: str
    journey: bool = False
    """The client is told which node works on it."""
    traceparent: str = ""
    """The span it belongs to, where traces are made."""
    canary: bool = False
    """Nobody said it."""

    @classmethod
    def of_view(cls, view: Mapping[str, Any]) -> "Spoken":
        """Take it from what a job's record keeps for its result."""
        return cls(
            view["session_id"],
            view["utterance_index"],
            view["trace_id"],
            view.get("journey", False),
            view.get("traceparent", ""),
            view.get("canary", False),
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """An attempt that was sent to a node."""

    job_id: str
    attempt: int
    utterance: Spoken | None
    """None when another process sent it."""


def reported(running: list[RunningAttempt] | None, slots: int) -> dict[tuple[str, int], str] | None:
    """Give the attempts a node lists, to the job id as it knows it; None when it does not say.

    A list much longer than the node's slots says nothing: looking through it would keep others waiting.
    """
    if running is None or len(running) > _MOST_LISTED * slots + _MOST_LISTED:
        return None
    return {(job_of_wire_id(item.job_id), item.attempt_id): item.job_id for item in running}


@dataclass(slots=True)
class NodeLink:
    """One node's socket."""

    connection: Connection
    registration: NodeRegistration
    resumable: bool
    result_acks: bool
    """It is told of each of its results whether it is on record."""
    capability: CapabilityClass
    stated: tuple[list[CapabilityByType], NodeLanguageCapabilities | None, str | None]
    """Services and languages of the message ``capability`` was computed from, and the tenant."""
    reported: dict[tuple[str, int], str] = field(default_factory=dict)
    """(job, attempt) it said last that it runs, to the job id as it knows it."""
    last_beat: NodeHeartbeat | None = None
    hardware: HardwareInfo | None = None
    marks: ModelMarks = field(default_factory=ModelMarks)
    told_capability: CapabilityClass | None = None
    """What the ledger was told last."""
    attempts: dict[str, Sent] = field(default_factory=dict)
    """Job id as the node knows it to what was sent under it and not answered yet."""
    status_seq: int = 0
    generation: int = 0
    """Of its registration, as the ledger counts them."""
    touched_s: float = field(default_factory=time.monotonic)
    identity: Identity = OPEN[NODE]
    """Whose node it is: tenant, tier, limits."""

    @property
    def node_id(self) -> str:
        """Id of the node."""
        return self.registration.node_id

    @property
    def socket(self) -> str:
        """Token of the socket, by which the ledger knows it."""
        return self.registration.socket

    def capability_of(self, message: NodeHeartbeat, tenant: str | None) -> CapabilityClass:
        """Give the class a heartbeat states, computed only when the statement or the tenant changed."""
        languages = message.language_capabilities or self.stated[1]  # absent means unchanged
        services = without(self.marks.active(), message.capability_by_type, message.installed_services)
        stated = (services, languages, tenant)
        if stated != self.stated:
            self.stated = stated
            self.capability = capability_class(
                services,
                languages,
                self.registration.capability.tenant is None,
                tenant,
            ).within(self.identity.languages)
        return self.capability

    def report(self, running: list[RunningAttempt] | None) -> list[tuple[str, int]] | None:
        """Note the attempts a message of the node lists; gives them in the ledger's words."""
        listed = reported(running, self.registration.slots)
        self.reported = listed or {}
        return None if listed is None else list(listed)

    def sent(self, wire: str, attempt: int) -> Sent:
        """Give what a node's message speaks of, also when it was sent over another socket of the node."""
        return self.attempts.get(wire) or Sent(job_of_wire_id(wire), attempt, None)

    def take_over(self, former: "NodeLink") -> None:
        """Go on with what a former socket of the node was sent, as far as the node says it still runs it."""
        self.marks = former.marks
        running = self.registration.running
        self.attempts = {
            wire: sent
            for wire, sent in former.attempts.items()
            if running is None or (sent.job_id, sent.attempt) in running
        }

    def holds(self, job_id: str, attempt: int) -> bool:
        """Whether this attempt was sent over this socket already."""
        return any((sent.job_id, sent.attempt) == (job_id, attempt) for sent in self.attempts.values())

    def send(self, text: str) -> bool:
        """Queue a frame; False when the socket is gone."""
        try:
            self.connection.send(text)
        except ConnectionClosed:
            return False
        return True

    def send_status(self, status: str, seq: int, reason: str) -> None:
        """Tell the node its status, if it does not know it yet."""
        if seq != self.status_seq:
            self.status_seq = seq
            _log.info("node %s", status, extra={"node": self.node_id, "status": status, "reason": reason})
            message = NodeStatusMessage(
                node_id=self.node_id, status=NodeStatus(status), reason=reason, timestamp=int(time.time())
            )
            self.send(dump(message))

    def send_aborts(self, attempts: Iterable[tuple[str, int]]) -> None:
        """Ask the node to stop attempts it said it runs, because they are not its own any more."""
        for attempt in attempts:
            if wire := self.reported.get(attempt):
                self.send(dump(JobCancel(job_id=wire, reason="given to another node")))

    def send_result_ack(self, result: JobResult, *, accepted: bool) -> None:
        """Tell the node that the ledger has given its verdict on a result, under the id the node knows."""
        told = JobResultAck(job_id=result.job_id, attempt_id=result.attempt_id, accepted=accepted)
        self.send(dump(told))

    def send_cancel(self, job_id: str, attempt: int, reason: str) -> None:
        """Ask the node to stop an attempt; best effort."""
        for wire, sent in list(self.attempts.items()):
            if (sent.job_id, sent.attempt) == (job_id, attempt):
                del self.attempts[wire]
                self.send(dump(JobCancel(job_id=wire, reason=reason)))


def close_replaced(link: NodeLink) -> None:
    """End a node's socket because another one holds the node."""
    link.connection.close(CloseCode.REPLACED, "this node id registered on another connection")


def socket_token() -> str:
    """Make a token for a socket, unique among all instances."""
    return uuid4().hex
