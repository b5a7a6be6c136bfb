"""``/ws/node``: a node registers, then its messages are dealt with until its socket closes."""

import json
import logging
import re
import time
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

from scheduling.capability import capability_class
from scheduling.credentials import NODE, Identity, Refusal
from scheduling.credentials.identity import fingerprint_of_word
from scheduling.errors import StoreError
from scheduling.hints import hint
from scheduling.ledger import Ledger, NodeRegistration, Registered
from scheduling.ledger.codes import LedgerError, NodeIdConflict, NodeReplaced, UnknownNode
from scheduling.limits import most_slots
from scheduling.logs import about, about_nothing
from scheduling.messages import (
    ErrorCode,
    ErrorMessage,
    InvalidMessage,
    Message,
    NodeRegister,
    NodeRegisterAck,
    dump,
    parse_node_message,
)
from tasks.names import ASSIGN_POOLS, CONTROL
from web.admission import Admission, turn_away
from web.close_codes import CloseCode
from web.connection import Connection, ConnectionClosed
from web.node_link import NodeLink, close_replaced, reported, socket_token
from web.node_messages import NodeMessages
from web.node_recovery import compare_attempts, to_enter
from web.peers import Peers
from web.publisher import Publisher
from web.timing import Timings

_log = logging.getLogger(__name__)

_SCHEMA = "2.0"
_LEAST_BEAT_MS = 100
#: Node ids become parts of keys and of space separated lists.
_NODE_ID = re.compile(r"[A-Za-z0-9._:@-]{1,128}")


class NodeSocket:
    """Serves node sockets; one object for all of the process."""

    def __init__(
        self,
        ledger: Ledger,
        peers: Peers,
        messages: NodeMessages,
        publisher: Publisher,
        instance: str,
        timings: Timings,
        admission: Admission,
    ) -> None:
        self._ledger = ledger
        self._settings = ledger.cell.settings
        self._peers = peers
        self._messages = messages
        self._publisher = publisher
        self._instance = instance
        self._timings = timings
        self._admission = admission

    def serve(self, connection: Connection) -> None:
        """Serve one socket until it closes."""
        link: NodeLink | None = None
        until_s = time.monotonic() + self._settings.opening_s
        about_nothing()
        try:
            while True:
                data = connection.receive() if link else connection.receive_until(until_s)
                if data is None:
                    connection.close(
                        CloseCode.REGISTRATION_REQUIRED, "send node_register first, then reconnect"
                    )
                    return
                link = self._take(connection, link, data)
        except ConnectionClosed as closed:
            if link is not None:
                _log.info("node offline: its socket closed (%s)", closed.reason, extra={"node": link.node_id})
        finally:
            if link is not None:
                self._leave(link, connection)

    def hold_back(self) -> None:
        """Let no new work come to the nodes of this process, which is about to end; running work stays."""
        self._messages.holding_back = True
        patience_ms = round((self._settings.shutdown_s + self._settings.restart_spread_s) * 1000) + 5000
        for link in list(self._peers.nodes.values()):
            # Not waited for: a silent ledger must not hold up the goodbyes.
            self._ledger.nodes.submit_offline(link.node_id, link.socket, "its server restarts", patience_ms)

    def enter_lost(self) -> None:
        """Tell a ledger that may have lost writes about the nodes connected here. Raises `StoreError`."""
        links = list(self._peers.nodes.values())
        for link in to_enter(self._ledger, links):
            try:
                link.registration = replace(link.registration, running=None)  # as it was when it registered
                self._enter(link)
                self._messages.repeat_heartbeat(link)
            except LedgerError as error:
                _log.warning("node %s is entered with its next message: %s", link.node_id, error)
        compare_attempts(self._ledger, self._peers, links)

    def enter_again(self, link: NodeLink) -> Registered:
        """Enter a node that the ledger forgot or gave up, unless another socket has it.

        What it ran when it registered is out of date; its next heartbeat says what it runs now. The last one
        is repeated, so that it need not wait for work until then. Raises `NodeIdConflict`, `NodeReplaced` and
        `StoreError`.
        """
        link.registration = replace(link.registration, running=None)
        entered = self._enter(link, again=True)
        with suppress(LedgerError):  # lost once more: its next message tells
            self._messages.repeat_heartbeat(link)
        return entered

    def _take(self, connection: Connection, link: NodeLink | None, data: str | bytes) -> NodeLink | None:
        """Deal with one frame; give the node's link, which a registration makes."""
        if isinstance(data, bytes):
            _refuse(
                connection, ErrorCode.INVALID_MESSAGE, "Binary frames are not used here. Send JSON as text."
            )
            return link
        try:
            message = parse_node_message(data)
            if isinstance(message, NodeRegister):
                return self._register(connection, link, message)
            if link is None:
                raise InvalidMessage("This connection has no node yet. Send node_register first.")
            self._dispatch(link, message)
        except InvalidMessage as error:
            _refuse(connection, error.code, error.message)
        except StoreError as error:
            _log.warning(
                "a message of node %s waits for the ledger in vain: %s", link and link.node_id, error
            )
            _refuse(connection, ErrorCode.SCHEDULER_DEPENDENCY_DOWN, hint("SCHEDULER_DEPENDENCY_DOWN"))
        return link

    def _dispatch(self, link: NodeLink, message: Message) -> None:
        named = getattr(message, "node_id", link.node_id)
        if named != link.node_id:
            raise InvalidMessage(f"This connection belongs to node {link.node_id}. Send that node_id.")
        try:
            self._handle(link, message)
        except NodeReplaced:
            close_replaced(link)

    def _handle(self, link: NodeLink, message: Message) -> None:
        try:
            self._messages.handle(link, message)
        except UnknownNode:
            # The ledger was lost or gave the node up: the node's own socket can tell it everything again.
            if self._enter_or_refuse(link, again=True) is not None:
                self._messages.handle(link, message)
        except NodeReplaced:
            if not to_enter(self._ledger, [link]):
                raise
            # The ledger had lost this socket, and knew a former one.
            link.registration = replace(link.registration, running=None)
            if self._enter_or_refuse(link) is not None:
                self._messages.handle(link, message)

    def _register(
        self, connection: Connection, former: NodeLink | None, message: NodeRegister
    ) -> NodeLink | None:
        with self._timings.measure("register"):
            try:
                connection.identity = identity = self._identify(connection, message)
                connection.limit(identity.limits)
            except Refusal as refused:
                turn_away(connection, refused, close=former is None)
                return former
            refusal = self._reason_against(former, message, identity)
            if refusal is not None:
                _refuse(connection, *refusal)
                return former
            link = self._link(connection, message, former, identity)
            entered = self._enter_or_refuse(link)
            if entered is None:
                return former
            link.send(dump(NodeRegisterAck(node_id=link.node_id, result_acks=link.result_acks)))
            link.send_aborts(entered.aborts)
        about(node=link.node_id, tenant=link.registration.capability.tenant)
        _log.info("node registered", extra={"slots": link.registration.slots})
        return link

    def _identify(self, connection: Connection, message: NodeRegister) -> Identity:
        """Say whose node this is. Raises `Refusal`, also for a node id that was banned."""
        identity = self._admission.by_message(
            connection.identity, NODE, message.credential, connection.environ
        )
        self._admission.revocations.require(identity, message.node_id or "")
        return identity

    def _reason_against(
        self, former: NodeLink | None, message: NodeRegister, identity: Identity
    ) -> tuple[ErrorCode, str] | None:
        if message.capability_schema_version != _SCHEMA:
            found = message.capability_schema_version or "none"
            return (
                ErrorCode.INVALID_CAPABILITY_SCHEMA,
                f"capability_schema_version is {found[:32]}; accepted versions: {_SCHEMA}. Update the agent.",
            )
        if self._settings.require_gpu and not message.hardware.gpus:
            return ErrorCode.NO_GPU_AVAILABLE, hint("NO_GPU_AVAILABLE")
        if message.node_id is not None and not _NODE_ID.fullmatch(message.node_id):
            return ErrorCode.INVALID_MESSAGE, "node_id may hold 1 to 128 letters, digits and . _ : @ - only."
        if identity.node_id and message.node_id not in (None, identity.node_id):
            return (
                ErrorCode.NODE_ID_CONFLICT,
                f"This credential is for node {identity.node_id}. Register under that id, or without one.",
            )
        if message.max_concurrent_jobs == 0:
            return (
                ErrorCode.INVALID_MESSAGE,
                "max_concurrent_jobs must be 1 or more. Or leave it out.",
            )
        wanted = message.node_id or identity.node_id
        if former is not None and wanted not in ("", former.node_id):
            return (
                ErrorCode.INVALID_MESSAGE,
                f"This connection belongs to node {former.node_id}. Open another one.",
            )
        return None

    def _link(
        self, connection: Connection, message: NodeRegister, former: NodeLink | None, identity: Identity
    ) -> NodeLink:
        settings = self._settings
        known = message.node_id or identity.node_id or (former.node_id if former else "")
        node_id = known or self._new_id()
        credential = identity.fingerprint or fingerprint_of_word(message.credential)
        public = message.accept_public_jobs
        tenant = None if public else identity.tenant or self._messages.tenant_of(node_id, credential)
        capability = capability_class(
            message.capability_by_type,
            message.language_capabilities,
            public,
            tenant,
        ).within(identity.languages)
        slots = message.max_concurrent_jobs or settings.default_node_slots
        slots = min(slots, settings.max_node_slots, most_slots(identity.limits))
        listed = reported(message.running_attempts, slots)
        registration = NodeRegistration(
            node_id=node_id,
            socket=socket_token(),
            instance=self._instance,
            credential=credential,
            slots=slots,
            beat_ms=self._beat_ms(message.heartbeat_interval_s or settings.heartbeat_s),
            capability=capability,
            acknowledges=message.acknowledges,
            profile=json.dumps(
                {
                    "version": message.version,
                    "platform": message.platform,
                    "hardware": message.hardware.model_dump(exclude_none=True),
                }
            ),
            running=None if listed is None else list(listed),
            tier=identity.tier,
        )
        return NodeLink(
            connection=connection,
            registration=registration,
            resumable=message.resumable,
            result_acks=message.result_acks,
            capability=capability,
            stated=(message.capability_by_type, message.language_capabilities, tenant),
            reported=listed or {},
            hardware=message.hardware,
            identity=identity,
        )

    def _beat_ms(self, stated_s: float) -> int:
        """Give a heartbeat interval that makes sense: silence means offline after ``silence_ms`` anyway."""
        return round(min(max(stated_s * 1000, _LEAST_BEAT_MS), self._settings.silence_ms))

    def _new_id(self) -> str:
        """Make an id that no node has; eight digits are what existing agents know."""
        while True:
            node_id = f"node-{uuid4().hex[:8].upper()}"
            if not self._ledger.cell.store.command("EXISTS", self._ledger.keys.node(node_id)):
                return node_id

    def _enter_or_refuse(self, link: NodeLink, *, again: bool = False) -> Registered | None:
        """Enter a node; None when its id belongs to another credential, which it is told."""
        try:
            return self.enter_again(link) if again else self._enter(link)
        except NodeIdConflict:
            _refuse(link.connection, ErrorCode.NODE_ID_CONFLICT, hint("NODE_ID_CONFLICT"))
            return None

    def _enter(self, link: NodeLink, *, again: bool = False) -> Registered:
        """Enter a node into the ledger; its former socket, if any, is closed."""
        entered = self._ledger.nodes.register(link.registration, again=again)
        former = self._peers.nodes.get(link.node_id)
        self._peers.nodes[link.node_id] = link
        link.status_seq, link.generation = entered.status_seq, entered.generation
        link.told_capability = link.registration.capability
        if former is not None and former is not link:
            link.take_over(former)
            if former.connection is not link.connection:
                close_replaced(former)
        if entered.dirty:
            self._publisher.wake(ASSIGN_POOLS, CONTROL)
        return entered

    def _leave(self, link: NodeLink, connection: Connection) -> None:
        """Tell the ledger that the socket closed; a late close of a former socket changes nothing there."""
        self._peers.drop_node(link)
        reason = f"socket closed: {connection.close_reason}"
        grace_ms = self._settings.grace_ms if link.resumable else 0
        try:
            self._ledger.nodes.offline(link.node_id, link.socket, reason, grace_ms)
        except (LedgerError, StoreError) as error:
            _log.warning("node %s will be found offline by its silence: %s", link.node_id, error)


def _refuse(connection: Connection, code: ErrorCode, message: str) -> None:
    connection.send(dump(ErrorMessage(code=code, message=message)))
