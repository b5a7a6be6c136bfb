"""A load on real sockets: nodes that answer at once, clients that wait for each result."""

import asyncio
import json
import time
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect

_SOCKET = {"compression": None, "ping_interval": None, "max_size": None}


@dataclass
class Load:
    """What to send."""

    url: str
    """ws://host:port of the web process."""
    nodes: int
    slots: int
    clients: int
    seconds: float
    audio: str
    """Base64 of each utterance."""
    heartbeat_s: float = 0.1
    latencies_s: list[float] = field(default_factory=list)
    """From an utterance sent to its result received."""
    errors: int = 0

    async def run(self) -> None:
        """Connect the nodes, let the clients speak for the time, then leave."""
        nodes = [asyncio.create_task(self._node(number)) for number in range(self.nodes)]
        await asyncio.sleep(2)  # registered, pooled, ready
        until_s = time.perf_counter() + self.seconds
        await asyncio.gather(*(self._client(until_s) for _ in range(self.clients)))
        for node in nodes:
            node.cancel()
        await asyncio.gather(*nodes, return_exceptions=True)

    async def _node(self, number: int) -> None:
        async with connect(f"{self.url}/ws/node", **_SOCKET) as socket:  # type: ignore[arg-type]
            await socket.send(json.dumps(_registration(number, self.slots, self.heartbeat_s)))
            node_id = json.loads(await socket.recv())["node_id"]
            beats = asyncio.create_task(self._heartbeats(socket, node_id))
            try:
                async for frame in socket:
                    message = json.loads(frame)
                    if message["type"] == "job_assign":
                        await socket.send(json.dumps(_answer(message, node_id)))
            finally:
                beats.cancel()

    async def _heartbeats(self, socket: ClientConnection, node_id: str) -> None:
        while True:
            await socket.send(json.dumps(_heartbeat(node_id)))
            await asyncio.sleep(self.heartbeat_s)

    async def _client(self, until_s: float) -> None:
        async with connect(f"{self.url}/ws/session", **_SOCKET) as socket:  # type: ignore[arg-type]
            opening = {
                "client_version": "bench",
                "platform": "test-client",
                "src_lang": "en",
                "tgt_lang": "pt",
            }
            await socket.send(json.dumps({"type": "session_init", **opening}))
            session_id = json.loads(await socket.recv())["session_id"]
            index = 0
            while (started_s := time.perf_counter()) < until_s:
                await socket.send(json.dumps(utterance(session_id, index, self.audio)))
                if await _outcome(socket) == "translation_result":
                    self.latencies_s.append(time.perf_counter() - started_s)
                else:
                    self.errors += 1
                index += 1


async def _outcome(socket: ClientConnection) -> str:
    while True:
        kind: str = json.loads(await socket.recv())["type"]
        if kind in ("translation_result", "missing_result", "error"):
            return kind


def _capabilities() -> dict[str, object]:
    services = ("asr", "nmt", "tts")
    return {
        "installed_services": [
            {
                "service_id": f"{kind}-service",
                "type": kind,
                "device": "gpu",
                "status": "running",
                "version": "1.0.0",
            }
            for kind in services
        ],
        "capability_by_type": [
            {"type": kind, "ready": True, "ready_impl_ids": [f"{kind}-service"]} for kind in services
        ],
        "language_capabilities": {
            "asr_languages": ["en"],
            "tts_languages": ["pt"],
            "supported_language_pairs": [{"src": "en", "tgt": "pt"}],
        },
    }


def _registration(number: int, slots: int, heartbeat_s: float) -> dict[str, object]:
    return {
        "type": "node_register", "node_id": f"bench-{number}", "version": "2.0.0",
        "capability_schema_version": "2.0", "platform": "linux", "installed_models": [],
        "hardware": {"cpu_cores": 8, "memory_gb": 32, "gpus": [{"name": "bench", "memory_gb": 8}]},
        "features_supported": {}, "accept_public_jobs": True, "max_concurrent_jobs": slots,
        "heartbeat_interval_s": max(heartbeat_s, 5.0), **_capabilities(),
    }  # fmt: skip


def _heartbeat(node_id: str) -> dict[str, object]:
    return {
        "type": "node_heartbeat", "node_id": node_id, "timestamp": time.time_ns() // 1_000_000,
        "resource_usage": {"cpu_percent": 10.0, "mem_percent": 20.0, "running_jobs": 0}, **_capabilities(),
    }  # fmt: skip


def _answer(job: dict[str, object], node_id: str) -> dict[str, object]:
    echoed = {
        name: job[name] for name in ("job_id", "attempt_id", "session_id", "utterance_index", "trace_id")
    }
    return {
        "type": "job_result", **echoed, "node_id": node_id, "success": True, "text_asr": "ask not",
        "text_translated": "não perguntem", "tts_audio": job["audio"], "tts_format": "pcm16",
    }  # fmt: skip


def utterance(session_id: str, index: int, audio: str) -> dict[str, object]:
    """Give a one-shot utterance of a client."""
    return {
        "type": "utterance", "session_id": session_id, "utterance_index": index, "manual_cut": True,
        "src_lang": "en", "tgt_lang": "pt", "audio": audio, "audio_format": "pcm16", "sample_rate": 16000,
    }  # fmt: skip
