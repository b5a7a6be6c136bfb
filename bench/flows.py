"""``make bench-flows``: how long register, heartbeat, create and complete take inside the server, and why.

Starts Valkey, one web process and the workers, puts a load on real sockets, and prints a table and as last
line JSON. Server time of the scripts is measured apart, one script at a time, by Valkey's own statistics.
"""

import argparse
import asyncio
import base64
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from bench.load import Load
from bench.processes import running, valkey, wait_for
from bench.scripts import ScriptBench
from scheduling.settings import Settings
from scheduling.store.plain import PlainStore
from web.command.ports import free_port

_SCRIPTS = {
    "register": "register_node",
    "heartbeat": "heartbeat",
    "create": "reserve",
    "complete": "complete",
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long the clients speak")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--audio-bytes", type=int, default=400, help="audio of each utterance")
    args = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        scripts = _measure_scripts(stack, folder, args.nodes)
        process, load = _measure_server(stack, folder, args)
    _report(process, scripts, load)


def _measure_scripts(stack: ExitStack, folder: Path, nodes: int) -> dict[str, dict[str, float]]:
    url = stack.enter_context(valkey(folder / "scripts"))
    with PlainStore(url) as store:
        return ScriptBench(store, Settings(redis_url=url), nodes, calls=2000).run()


def _measure_server(stack: ExitStack, folder: Path, args: argparse.Namespace) -> tuple[dict[str, Any], Load]:
    port = free_port()
    env = {
        **os.environ, "REDIS_URL": stack.enter_context(valkey(folder / "server")), "PORT": str(port),
        "HOST": "127.0.0.1", "REQUIRE_GPU": "0",
    }  # fmt: skip
    command = [sys.executable, "-m"]
    celery = [*command, "celery", "-A", "tasks.app:app", "worker", "-l", "WARNING", "-c", "1"]
    for words in ([*command, "web.serve"], [*celery, "-Q", "control", "-n", "control@%h"],
                  [*celery, "-Q", "drain", "-n", "drain@%h"]):  # fmt: skip
        stack.enter_context(running(words, env, folder / "log"))
    wait_for(f"http://127.0.0.1:{port}/ready")
    audio = base64.b64encode(os.urandom(args.audio_bytes // 2 * 2)).decode()
    load = Load(f"ws://127.0.0.1:{port}", args.nodes, 8, args.clients, args.seconds, audio)
    asyncio.run(load.run())
    with urlopen(f"http://127.0.0.1:{port}/api/v1/process") as reply:
        return json.load(reply), load


def _report(process: dict[str, Any], scripts: dict[str, dict[str, float]], load: Load) -> None:
    waits = process["link"]["waits"]
    summary: dict[str, Any] = {}
    parts = "   ".join(f"{part} p50/p99" for part in ("script", "link", "loop"))
    print(f"{'flow':10} {'count':>7} {'p50':>8} {'p99':>8}   {parts}   round trips")
    for flow, script in _SCRIPTS.items():
        total, wait = process["flows"][flow], waits[script]
        trips = wait["link"]["count"] / total["count"]
        summary[flow] = {**total, "script": scripts[flow], **wait, "round_trips": round(trips, 3)}
        pairs = (
            f"{part['p50_ms']:.3f}/{part['p99_ms']:.3f}"
            for part in (scripts[flow], wait["link"], wait["loop"])
        )
        print(
            f"{flow:10} {total['count']:7} {total['p50_ms']:8.3f} {total['p99_ms']:8.3f}   "
            + "   ".join(f"{pair:>14}" for pair in pairs)
            + f"   {trips:.2f}"
        )
    latencies = sorted(load.latencies_s)
    count = len(latencies)
    summary["utterances_per_s"] = round(count / load.seconds, 1)
    summary["end_to_end_p50_ms"] = round(latencies[count // 2] * 1000, 2) if count else None
    summary["end_to_end_p99_ms"] = round(latencies[int(count * 0.99)] * 1000, 2) if count else None
    summary["errors"] = load.errors
    print("all times in ms; script = server time alone, link = write to reply, loop = our own event loop")
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
