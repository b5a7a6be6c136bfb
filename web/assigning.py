"""Sending attempts to nodes whose socket this process holds."""

import logging
import time
from contextlib import suppress
from json.encoder import encode_basestring as quoted

import gevent
from gevent.hub import get_hub

from scheduling import tracing
from scheduling.bodies import Bodies
from scheduling.credentials.job_tokens import JobTokens
from scheduling.errors import StoreError
from scheduling.jobspec import JobSpec, wire_id
from scheduling.ledger import Assigned, Dispatch, Handed, Ledger
from scheduling.ledger.cell import text
from scheduling.ledger.codes import LedgerError
from scheduling.logs import Sparing
from web.node_link import NodeLink, Sent, Spoken
from web.peers import Peers
from web.timing import Timings
from web.usage import UsageBook

_log = logging.getLogger(__name__)

#: Bounds one script; each takes it some 20 µs.
_NOTED_AT_ONCE = 64
_FIELDS = ("spec", "state", "attempt", "node", "semantic", "tried", "audio", "created_ms")
#: The audio of a job placed here by another instance may still be on its way to the body store.
_LOST_AUDIO = "The audio of this utterance was lost. Please say it again."
_BODY_PAUSES_S = tuple(0.002 * 2**n for n in range(9))  # 1 s in all


class Assigner:
    """Turns assignments of the ledger into ``job_assign`` frames, once each."""

    def __init__(
        self,
        ledger: Ledger,
        bodies: Bodies,
        peers: Peers,
        instance: str,
        usage: UsageBook,
        timings: Timings,
    ) -> None:
        self._ledger = ledger
        self._bodies = bodies
        self._peers = peers
        self._instance = instance
        self._usage = usage
        self._timings = timings
        self._told = Sparing(_log)
        settings = ledger.cell.settings
        secret = settings.job_token_secret
        self._tokens = JobTokens(secret, settings.utterance_ms) if secret else None
        self._dispatched: list[Dispatch] = []
        self.about_to_send = peers.about_to_send

    def send_handed(self, handed: Handed, node_id: str) -> None:
        """Send an attempt that came with all that it takes: with a verdict, or in an inbox."""
        if handed.data:
            self._send_handed(handed, node_id, handed.data)
        else:
            gevent.spawn(self._fetch_and_send, handed, node_id)

    def _fetch_and_send(self, handed: Handed, node_id: str) -> None:
        try:
            audio = self._body(handed.audio)
        except StoreError as error:
            _log.warning("audio of job %s cannot be read, it goes elsewhere: %s", handed.job_id, error)
            return
        if audio is None:
            self._give_up(handed, node_id, "INTERNAL_ERROR", _LOST_AUDIO)
        else:
            self._send_handed(handed, node_id, audio)

    def _send_handed(self, handed: Handed, node_id: str, audio: str) -> None:
        spec = JobSpec.parse(handed.spec)
        self.send(
            handed,
            node_id,
            spec,
            Spoken.of_view(spec.result_view()),
            audio,
            use_semantic=handed.use_semantic,
            tried=handed.tried,
            created_ms=handed.created_ms,
            noted=handed.session_here,
        )

    def send_stored(self, assigned: Assigned, node_id: str) -> None:
        """Send an attempt known by its record, which was assigned by another instance or in the background.

        When the store cannot be reached, the job goes elsewhere by the deadline of its dispatch.
        """
        try:
            self._send_stored(assigned, node_id)
        except StoreError as error:
            _log.warning("attempt %s of job %s cannot be sent: %s", assigned.attempt, assigned.job_id, error)

    def _send_stored(self, assigned: Assigned, node_id: str) -> None:
        store, keys = self._ledger.cell.store, self._ledger.keys
        record = dict(zip(_FIELDS, store.command("HMGET", keys.job(assigned.job_id), *_FIELDS), strict=True))
        current = (text(record["state"]), text(record["attempt"]), text(record["node"]))
        if current != ("assigned", str(assigned.attempt), node_id):
            return  # sent already, or the ledger has gone on
        audio = self._body(text(record["audio"]))
        if audio is None:
            self._give_up(assigned, node_id, "INTERNAL_ERROR", _LOST_AUDIO)
            return
        spec = JobSpec.parse(text(record["spec"]))
        self.send(
            assigned,
            node_id,
            spec,
            Spoken.of_view(spec.result_view()),
            audio,
            use_semantic=record["semantic"] == b"1",
            tried=text(record["tried"]),
            created_ms=int(record["created_ms"]),
        )

    def send(
        self,
        assigned: Assigned,
        node_id: str,
        spec: JobSpec,
        utterance: Spoken,
        audio: str,
        *,
        use_semantic: bool,
        tried: str,
        created_ms: int,
        noted: bool = False,
    ) -> None:
        """Send an attempt over the node's socket; without a socket, the job goes elsewhere.

        The ledger is told, unless it has ``noted`` that this process would send it and tell the client.
        """
        started_s = time.perf_counter()
        link = self._peers.nodes.get(node_id)
        if link is not None and link.holds(assigned.job_id, assigned.attempt):
            return
        wire = wire_id(assigned.job_id, assigned.attempt, tried)
        tokens = self._tokens
        token = tokens.make(wire, assigned.attempt, node_id) if tokens else ""
        frame = spec.frame(wire, assigned.attempt, audio, use_semantic=use_semantic, job_token=token)
        if link is None or not link.send(frame):
            self._give_up(assigned, node_id, "NODE_UNAVAILABLE", "The node went away. Please say it again.")
            return
        if not utterance.canary:
            self._usage.sent(node_id)
        link.attempts[wire] = Sent(assigned.job_id, assigned.attempt, utterance)
        event = self._tell_client(link, assigned, utterance, created_ms)
        if not noted:
            token = f"{link.socket}:{assigned.attempt}:dispatched"
            said = f"[{event}]" if event else ""
            self._note_soon(Dispatch(assigned.job_id, node_id, assigned.attempt, token, said))
        if tracing.on:
            attempt = assigned.attempt
            tracing.mark(
                "send to node", utterance.traceparent, job=assigned.job_id, node=node_id, attempt=attempt
            )
        self._timings.dispatch.add(time.perf_counter() - started_s)
        if assigned.attempt == 1:
            self._timings.queue_wait.add(time.time() - created_ms / 1000)
        else:
            self._told.info(
                "failover: the job goes to another node",
                job=assigned.job_id,
                node=node_id,
                attempt=assigned.attempt,
                session=utterance.session_id,
                trace=utterance.trace_id,
            )

    def _tell_client(self, link: NodeLink, assigned: Assigned, utterance: Spoken, created_ms: int) -> str:
        """Tell the client if it is connected here; give what it is told, empty for nothing."""
        # Clients are told once, not again on failover, unless they follow the journey.
        if assigned.attempt > 1 and not utterance.journey:
            return ""
        event = dispatched_event(assigned.job_id, utterance, created_ms, link.node_id)
        if session := self._peers.sessions.get(utterance.session_id):
            session.send(event)
        return event

    def _note_soon(self, dispatch: Dispatch) -> None:
        """Tell the ledger of what was sent in this turn of the event loop, in one call."""
        self._dispatched.append(dispatch)
        if len(self._dispatched) == 1:
            get_hub().loop.run_callback(self._note_all)

    def _note_all(self) -> None:
        sent, self._dispatched = self._dispatched, []
        for first in range(0, len(sent), _NOTED_AT_ONCE):
            # Runs in the hub, where nothing may be raised: what is not noted goes by the attempt's deadline.
            with suppress(StoreError):
                self._ledger.jobs.submit_dispatched(sent[first : first + _NOTED_AT_ONCE], self._instance)

    def _body(self, name: str) -> str | None:
        for pause_s in _BODY_PAUSES_S:
            if (body := self._bodies.get(name)) is not None:
                return body
            gevent.sleep(pause_s)
        return None

    def _give_up(self, assigned: Assigned, node_id: str, code: str, message: str) -> None:
        try:
            self._ledger.jobs.requeue(assigned.job_id, node_id, assigned.attempt, code, message)
        except (LedgerError, StoreError) as error:
            _log.warning(
                "attempt %s of job %s left to its deadline: %s", assigned.attempt, assigned.job_id, error
            )


def dispatched_event(job_id: str, utterance: Spoken, created_ms: int, node_id: str) -> str:
    """Give the frame that tells a client its utterance was handed to a node: a ``UiEvent`` as text."""
    trace_id, session_id = quoted(utterance.trace_id), quoted(utterance.session_id)
    elapsed_ms = max(0, time.time_ns() // 1_000_000 - created_ms)
    node = f',"node_id":{quoted(node_id)}' if utterance.journey else ""
    return (
        f'{{"type":"ui_event","trace_id":{trace_id},"session_id":{session_id},"job_id":{quoted(job_id)},'
        f'"utterance_index":{utterance.utterance_index},"event":"DISPATCHED","elapsed_ms":{elapsed_ms},'
        f'"status":"ok"{node}}}'
    )
