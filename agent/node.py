"""The node agent: stays registered with a server and works on what it assigns."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from agent.backoff import Backoff, refusal_reason
from agent.link import CREDENTIAL_REFUSALS, Link, bearer
from agent.outbox import Outbox
from agent.pipelines.base import Pipeline
from agent.presence import Identity, Presence
from agent.together import stop, together
from agent.workbench import Workbench
from scheduling.messages import (
    ErrorMessage,
    InvalidMessage,
    JobAssign,
    JobCancel,
    JobResultAck,
    NodeControl,
    NodeRegisterAck,
    NodeStatusMessage,
    ServerMessageToNode,
    dump,
    parse_server_message_to_node,
)
from scheduling.redaction import redact

#: Registration errors that trying again cannot cure.
FATAL_CODES = frozenset(
    {"INVALID_CAPABILITY_SCHEMA", "NO_GPU_AVAILABLE", "NODE_ID_CONFLICT", "UNAUTHORIZED", "FORBIDDEN"}
)
#: Close codes after which to stay away: the node may not be here, or another process registered under
#: its id. Two that fought over an id would throw each other out for ever.
FATAL_CLOSES = {1008: "NOT_ADMITTED", 4001: "REPLACED"}
CLOSE_GOING_AWAY = 1001

#: How long running jobs may take after SIGTERM, in s. Platforms kill after 30 s.
DRAIN_S = 20.0
#: How long the last results may take to be read by the server, in s.
DELIVER_S = 3.0
REGISTER_TIMEOUT_S = 10.0
#: A server that does not answer our close is left after this, in s.
CLOSE_TIMEOUT_S = 2.0
#: A line on which a ping is not answered in this time, or in a longer heartbeat interval, is dead, in s.
SHORTEST_PONG_S = 5.0
#: Largest frame taken from the server: its own limit for a client's message, with room for base64.
MAX_MESSAGE_BYTES = 32 << 20

log = logging.getLogger(__name__)


class NodeRefused(Exception):
    """The server will not have this node, and trying again would not help."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """Where to go and how to work; ``slots`` None takes what suits the pipeline, ``drain_s`` is in s.

    ``url`` may name several servers of one cell, with commas: after each loss the next one is dialled.
    """

    url: str
    node_id: str | None = None
    slots: int | None = None
    identity: Identity = field(default_factory=Identity)
    drain_s: float = DRAIN_S
    token: str = field(default="", repr=False)
    """Credential that is shown in the handshake; '' for none."""


class NodeAgent:
    """One node. `run` it once; `leave` ends it after its running jobs, a second `leave` at once."""

    def __init__(self, pipeline: Pipeline, options: NodeOptions) -> None:
        self._pipeline = pipeline
        self._options = options
        self._urls = deque(url.strip() for url in options.url.split(","))
        self._link = Link(options.node_id)
        self._outbox = Outbox()
        self._backoff = Backoff()
        self._losses = 0
        """Connections lost or refused since a server took the node in."""
        self._leaving = asyncio.Event()
        self._leaving_now = asyncio.Event()
        self._bench: Workbench
        self._presence: Presence

    async def run(self) -> None:
        """Load the pipeline and work until told to `leave`.

        Raises `PipelineUnavailable`: the pipeline does not load.
        Raises `NodeRefused`: the server will not have this node.
        """
        await self._prepare()
        working = asyncio.create_task(self._stay_connected())
        leaving = asyncio.create_task(self._leaving.wait())
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
            await self._depart()
        finally:
            await stop(working, leaving)
            self._bench.close()

    def leave(self) -> None:
        """Drain and end: what SIGTERM and Ctrl-C do. Called again, it ends without waiting for jobs."""
        if self._leaving.is_set():
            self._leaving_now.set()
        self._leaving.set()

    @property
    def overcommitted(self) -> int:
        """Jobs that came while all slots had one that is still to be answered; each is logged as well."""
        return self._bench.overcommitted

    async def _prepare(self) -> None:
        await asyncio.to_thread(self._pipeline.load)
        capabilities = self._pipeline.capabilities()
        slots = self._options.slots or capabilities.slots
        self._bench = Workbench(self._pipeline, slots, self._link, self._outbox)
        self._presence = Presence(self._options.identity, capabilities, slots, self._bench, self._outbox)
        log.info("pipeline '%s' is ready for %d jobs at once", self._pipeline.name, slots)
        if not self._presence.hardware.gpus:
            log.info("no GPU here: the CPU counts instead, where the server has REQUIRE_GPU off")

    async def _stay_connected(self) -> None:
        while True:
            reason = await self._converse_until_lost()
            self._losses += 1
            others_left = self._losses % len(self._urls) != 0
            # When to come back is what one server asks for itself: others of the cell may have us at once.
            delay = self._backoff.delay_s("" if others_left else reason)
            log.info("no connection to %s (%s); next try in %.1f s", redact(self._urls[0]), reason, delay)
            self._urls.rotate(-1)
            await asyncio.sleep(delay)

    async def _converse_until_lost(self) -> str:
        """One connection from its opening to its end; returns why it ended."""
        try:
            await self._converse()
        except ConnectionClosed as closed:
            return _close_reason(closed)
        except InvalidURI as error:
            raise NodeRefused("INVALID_URL", f"{redact(self._urls[0])} is no WebSocket address.") from error
        except InvalidStatus as refused:
            said = refused.response.body.decode("utf-8", "replace").strip()
            if said.startswith(CREDENTIAL_REFUSALS):
                raise NodeRefused(*said.split(": ", 1)) from None
            return refusal_reason(refused)
        except (OSError, InvalidHandshake, TimeoutError) as error:
            return str(error) or type(error).__name__
        return "it ended"

    async def _converse(self) -> None:
        beat_s = self._options.identity.heartbeat_interval_s
        async with connect(
            self._urls[0],
            additional_headers=bearer(self._options.token),
            compression=None,  # audio does not compress, and a deflate window costs the server 100 KB
            max_size=MAX_MESSAGE_BYTES,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=beat_s,
            ping_timeout=max(beat_s, SHORTEST_PONG_S),
        ) as socket:
            # Not wait_for: before Python 3.12 it loses a cancellation that comes with the answer.
            async with asyncio.timeout(REGISTER_TIMEOUT_S):
                ack = await self._register(socket)
            self._backoff.reset()
            self._losses = 0
            self._link.up(socket, ack.node_id, result_acks=ack.result_acks)
            log.info("registered at %s as %s", redact(self._urls[0]), ack.node_id)
            try:
                await self._work_over(socket)
            finally:
                self._link.down()

    async def _work_over(self, socket: ClientConnection) -> None:
        await self._presence.repeat_drain(self._link)
        await together(
            self._presence.beat(self._link), self._outbox.deliver(self._link), self._listen(socket)
        )

    async def _register(self, socket: ClientConnection) -> NodeRegisterAck:
        """Register; an error that may pass ends the connection."""
        await socket.send(dump(self._presence.registration(self._link.node_id)))
        while True:
            message = _understood(await socket.recv())
            if isinstance(message, NodeRegisterAck):
                return message
            if isinstance(message, ErrorMessage):
                if message.code in FATAL_CODES:
                    raise NodeRefused(message.code, message.message)
                raise ConnectionRefusedError(f"{message.code}: {message.message}")

    async def _listen(self, socket: ClientConnection) -> None:
        while True:
            message = _understood(await socket.recv())
            if message is not None:
                await self._obey(message)

    async def _obey(self, message: ServerMessageToNode) -> None:
        match message:
            case JobAssign():
                self._bench.assign(message)
            case JobCancel():
                log.info("job %s cancelled: %s", message.job_id, message.reason or "no reason given")
                self._bench.cancel(message.job_id)
            case JobResultAck():
                self._outbox.acknowledge(message)
            case NodeControl():
                await self._control(message)
            case NodeStatusMessage():
                log.info("the server sees this node as %s: %s", message.status, message.reason or "-")
            case ErrorMessage():
                log.warning("the server reports %s: %s", message.code, message.message)

    async def _control(self, control: NodeControl) -> None:
        match control.command:
            case "drain":
                await self._presence.drain(self._link, control.reason or "told to drain")
            case "undrain":
                self._presence.undrain()
            case unknown:
                log.warning("the server sent a command that is not known here: %s", unknown)

    async def _depart(self) -> None:
        deadline = time.monotonic() + self._options.drain_s
        log.info("leaving: %d jobs to finish, for up to %.0f s", self._bench.load, self._options.drain_s)
        await self._presence.drain(self._link, "the node is shutting down")
        await self._unless_hurried(self._bench.finish(deadline))
        self._bench.give_up()
        await self._unless_hurried(self._outbox.wait_empty(), DELIVER_S)
        await self._link.close(CLOSE_GOING_AWAY, "drained")

    async def _unless_hurried(self, wait: Coroutine[Any, Any, None], timeout_s: float | None = None) -> None:
        """Wait for that, at most ``timeout_s`` s, and no longer once `leave` was called twice."""
        tasks = [asyncio.create_task(wait), asyncio.create_task(self._leaving_now.wait())]
        await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        await stop(*tasks)


def _understood(data: str | bytes) -> ServerMessageToNode | None:
    """Parse a frame; None for a binary one and for what a newer server may send and is not known here."""
    if isinstance(data, bytes):
        return None
    try:
        return parse_server_message_to_node(data)
    except InvalidMessage as error:
        log.warning("a message of the server is ignored: %s", error.message)
        return None


def _close_reason(closed: ConnectionClosed) -> str:
    """Return what the server said when it closed.

    Raises `NodeRefused`: it wants this node to stay away.
    """
    if closed.rcvd is None:
        return "the connection broke"
    reason = closed.rcvd.reason or f"the server closed with {closed.rcvd.code}"
    if closed.rcvd.code in FATAL_CLOSES:
        raise NodeRefused(FATAL_CLOSES[closed.rcvd.code], reason) from closed
    return reason
