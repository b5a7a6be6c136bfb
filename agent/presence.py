"""How a node makes itself known: registration, heartbeats, drain notice."""

from __future__ import annotations

import asyncio
import platform
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from agent.hardware import Meter, hardware
from agent.link import Link
from agent.outbox import Outbox
from agent.pipelines.base import Capabilities
from agent.statement import stated
from agent.workbench import Workbench
from scheduling.messages import FeatureFlags, NodeDrain, NodeHeartbeat, NodeRegister

SCHEMA_VERSION = "2.0"
HEARTBEAT_INTERVAL_S = 15.0


@dataclass(frozen=True, slots=True)
class Identity:
    """What the person who starts the node says about it; ``heartbeat_interval_s`` in s."""

    credential: str | None = None
    accept_public_jobs: bool = True
    heartbeat_interval_s: float = HEARTBEAT_INTERVAL_S


class Presence:
    """Makes the messages about the node, from its capabilities, its machine and its work."""

    def __init__(
        self, identity: Identity, capabilities: Capabilities, slots: int, bench: Workbench, outbox: Outbox
    ) -> None:
        self.hardware = hardware()
        self._identity = identity
        self._stated = stated(capabilities)
        self._slots = slots
        self._bench = bench
        self._outbox = outbox
        self._meter = Meter(has_gpu=bool(self.hardware.gpus))
        self._draining = False
        self._beat_now = asyncio.Event()

    def registration(self, node_id: str | None) -> NodeRegister:
        """Make the first message on a socket; ``node_id`` is what the server gave last time."""
        attempts = [*self._bench.attempts(), *self._outbox.attempts()]
        return NodeRegister(
            node_id=node_id,
            version=_version(),
            capability_schema_version=SCHEMA_VERSION,
            platform=platform.system().lower().replace("darwin", "macos"),
            hardware=self.hardware,
            installed_models=[],
            features_supported=FeatureFlags(),
            accept_public_jobs=self._identity.accept_public_jobs,
            max_concurrent_jobs=self._slots,
            heartbeat_interval_s=self._identity.heartbeat_interval_s,
            acknowledges=True,
            resumable=True,
            result_acks=True,
            running_attempts=attempts,
            credential=self._identity.credential,
            **self._stated,
        )

    async def beat(self, link: Link) -> None:
        """Heartbeat at once, then every interval and whenever `drain` changes something."""
        while await link.send(await self._heartbeat(link.node_id or "")):
            with suppress(TimeoutError):
                async with asyncio.timeout(self._identity.heartbeat_interval_s):
                    await self._beat_now.wait()
            self._beat_now.clear()

    async def drain(self, link: Link, reason: str) -> None:
        """Ask for no more jobs; said again on every new socket, see `repeat_drain`."""
        self._draining = True
        if link.node_id is not None:
            await link.send(NodeDrain(node_id=link.node_id, reason=reason))
        self._beat_now.set()

    async def repeat_drain(self, link: Link) -> None:
        """Tell a server that has just taken the node in, and cannot know that it drains."""
        if self._draining:
            await self.drain(link, "still draining")

    def undrain(self) -> None:
        """Take jobs again; the heartbeat says so."""
        self._draining = False
        self._beat_now.set()

    async def _heartbeat(self, node_id: str) -> NodeHeartbeat:
        usage = await asyncio.to_thread(self._meter.usage, self._bench.load)
        return NodeHeartbeat(
            node_id=node_id,
            timestamp=time.time_ns() // 1_000_000,
            resource_usage=usage,
            running_attempts=[*self._bench.attempts(), *self._outbox.attempts()],
            draining=self._draining,
            **self._stated,
        )


def _version() -> str:
    try:
        return version("speech-dispatch")
    except PackageNotFoundError:
        return "0"
