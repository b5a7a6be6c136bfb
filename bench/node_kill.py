"""A node killed with -9 under load: how soon it is noticed, and how soon its jobs are done elsewhere.

Five real agents of four slots, 16 clients, each saying the next thing when it has its result. Times are
those of the ledger's records, on the clock of the same machine.
"""

import asyncio
import base64
import json
import os
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from typing import Any

from websockets.asyncio.client import connect

from bench.processes import running, valkey, wait_for
from scheduling.keys import Keys
from scheduling.store.plain import PlainStore
from web.command.ports import free_port

_NODES, _SLOTS, _CLIENTS = 5, 4, 16
_SERVICE_MS = 1500
_PATIENCE_S = 60.0
_KEYS = Keys("0")


class NodeKill:
    """One stack, one load, one dead node."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._results: Counter[tuple[str, int]] = Counter()
        self._speaking = True

    def run(self) -> dict[str, Any]:
        """Give how long until the node is offline, its jobs are elsewhere and done, and what came twice."""
        with ExitStack() as stack:
            url = stack.enter_context(valkey(self._folder / "valkey"))
            port = self._serve(stack, url)
            nodes = [self._node(stack, port, number) for number in range(_NODES)]
            with PlainStore(url) as store:
                return asyncio.run(self._measure(store, port, nodes))

    def _serve(self, stack: ExitStack, url: str) -> int:
        port = free_port()
        env = {**os.environ, "REDIS_URL": url, "PORT": str(port), "HOST": "127.0.0.1", "REQUIRE_GPU": "0"}
        env |= {"RESOURCE_THRESHOLD": "100"}  # nodes share this machine's processor with their server
        module = [sys.executable, "-m"]
        worker = [*module, "celery", "-A", "tasks.app:app", "worker", "-l", "WARNING", "-c", "1"]
        for words in (
            [*module, "web.serve"],
            [*worker, "-Q", "control", "-n", "control@%h"],
            [*worker, "-Q", "drain", "-n", "drain@%h"],
        ):
            stack.enter_context(running(words, env, self._folder / "log"))
        wait_for(f"http://127.0.0.1:{port}/ready")
        return port

    def _node(self, stack: ExitStack, port: int, number: int) -> "Popen[bytes]":
        words = [
            sys.executable, "-m", "web.command", "node", "--pipeline", "echo", "--pairs", "en-pt", "--quiet",
            "--node-id", f"bench-{number}", "--slots", str(_SLOTS), "--service-ms", str(_SERVICE_MS),
            "--url", f"ws://127.0.0.1:{port}/ws/node",
        ]  # fmt: skip
        return stack.enter_context(running(words, dict(os.environ), self._folder / f"node-{number}.log"))

    async def _measure(self, store: PlainStore, port: int, nodes: list["Popen[bytes]"]) -> dict[str, Any]:
        await _until(
            lambda: all(_of(store, n, "why") == b"" and _of(store, n, "pools") for n in range(_NODES))
        )
        clients = [asyncio.create_task(self._client(port)) for _ in range(_CLIENTS)]
        await asyncio.sleep(3 * _SERVICE_MS / 1000)
        victim = max(range(_NODES), key=lambda n: store.command("ZCARD", _KEYS.leases(f"bench-{n}")))
        leases = store.command("ZRANGE", _KEYS.leases(f"bench-{victim}"), 0, -1)
        jobs = [member.decode().split("|")[0] for member in leases]
        killed_ms = time.time() * 1000
        nodes[victim].kill()
        await _until(lambda: all(_job(store, job, "state") == b"done" for job in jobs))
        await _until(lambda: _of(store, victim, "status") == b"offline")
        self._speaking = False
        await asyncio.wait_for(asyncio.gather(*clients), _PATIENCE_S)
        elsewhere = [job for job in jobs if _job(store, job, "node") != f"bench-{victim}".encode()]
        again_ms = [float(_job(store, job, "assigned_ms")) for job in elsewhere]
        ended_ms = [float(_job(store, job, "ended_ms")) for job in elsewhere]
        return {
            "node_kill_detection_ms": round(float(_of(store, victim, "status_ms")) - killed_ms),
            "node_kill_redispatch_ms": round(max(again_ms, default=killed_ms) - killed_ms),
            "node_kill_recovery_ms": round(max(ended_ms, default=killed_ms) - killed_ms),
            "node_kill_jobs": len(jobs),
            "node_kill_jobs_elsewhere": len(elsewhere),
            "node_kill_service_ms": _SERVICE_MS,
            "duplicates": sum(times - 1 for times in self._results.values()),
        }

    async def _client(self, port: int) -> None:
        audio = base64.b64encode(b"ask not " * 50).decode()
        async with connect(f"ws://127.0.0.1:{port}/ws/session", max_size=None) as socket:
            opening = {
                "client_version": "bench",
                "platform": "test-client",
                "src_lang": "en",
                "tgt_lang": "pt",
            }
            await socket.send(json.dumps({"type": "session_init", **opening}))
            session_id = json.loads(await socket.recv())["session_id"]
            index = 0
            while self._speaking:
                await socket.send(json.dumps(_utterance(session_id, index, audio)))
                while not self._results[session_id, index]:
                    message = json.loads(await socket.recv())
                    if message["type"] == "translation_result":
                        self._results[session_id, int(message["utterance_index"])] += 1
                index += 1


def _utterance(session_id: str, index: int, audio: str) -> dict[str, object]:
    return {
        "type": "utterance", "session_id": session_id, "utterance_index": index, "manual_cut": True,
        "src_lang": "en", "tgt_lang": "pt", "audio": audio, "audio_format": "pcm16", "sample_rate": 16000,
    }  # fmt: skip


def _of(store: PlainStore, node: int, name: str) -> bytes:
    return store.command("HGET", _KEYS.node(f"bench-{node}"), name)  # type: ignore[no-any-return]


def _job(store: PlainStore, job: str, name: str) -> bytes:
    return store.command("HGET", _KEYS.job(job), name)  # type: ignore[no-any-return]


async def _until(condition: Any) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > until_s:
            raise SystemExit("the stack did not come to where the measurement goes on")
        await asyncio.sleep(0.02)
