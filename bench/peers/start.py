"""Starts a peer's workers beside a Valkey of their own, loads them, and gives what was measured."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.systems import System

_NODE_FOLDER = Path(__file__).parent / "bullmq"
_INSTALL_S = 180
_LOAD_S = 120
_MODULE = (sys.executable, "-m")
_CELERY = (
    *_MODULE, "celery", "--quiet", "-A", "bench.peers.celery_app", "worker", "-l", "WARNING",
    "--without-gossip", "--without-mingle", "--without-heartbeat",
)  # fmt: skip


@dataclass(frozen=True)
class Peer:
    """How a peer is started; its workers use two cores as its documents advise."""

    worker: tuple[str, ...]
    load: tuple[str, ...]


PEERS = {
    "celery_prefork": Peer((*_CELERY, "--pool", "prefork", "-c", "2"), (*_MODULE, "bench.peers.celery_load")),
    "celery_threads": Peer((*_CELERY, "--pool", "threads", "-c", "8"), (*_MODULE, "bench.peers.celery_load")),
    "dramatiq": Peer(
        (*_MODULE, "dramatiq", "bench.peers.dramatiq_app", "--processes", "2", "--threads", "4"),
        (*_MODULE, "bench.peers.dramatiq_load"),
    ),
    "taskiq": Peer(
        (
            *_MODULE, "taskiq", "worker", "bench.peers.taskiq_app:broker", "--workers", "2",
            "--max-async-tasks", "100", "--log-level", "WARNING",
        ),
        (*_MODULE, "bench.peers.taskiq_load"),
    ),
    "bullmq": Peer(
        ("node", str(_NODE_FOLDER / "worker.mjs")), ("node", str(_NODE_FOLDER / "load.mjs"))
    ),
}  # fmt: skip


def measure(name: str, folder: Path, seconds: float, warm_s: float, single_s: float) -> dict[str, Any]:
    """Give round trips per second and times (ms) of jobs asked for one at a time."""
    peer = PEERS[name]
    with ExitStack() as stack:
        system = System(stack, folder)
        worker = system.run("worker", peer.worker)
        options = {"seconds": seconds, "warm-s": warm_s, "single-s": single_s}
        words = [*peer.load, *(f"--{option}={value}" for option, value in options.items())]
        load = system.run("load", words, stdout=subprocess.PIPE)
        try:
            output, _ = load.communicate(timeout=_LOAD_S)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"{name} did not end within {_LOAD_S} s") from None
        # It has nothing left to do, and one of them takes 15 s to notice that it was asked to end.
        os.killpg(worker.pid, signal.SIGKILL)
        if load.returncode:
            raise SystemExit(f"{name} could not be measured: {system.log('load')[-2000:]}")
        return dict(json.loads(output))


def prepare_bullmq() -> str:
    """Install what its lock file names; gives why it cannot be measured here, or nothing."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "node and npm are not installed"
    if (_NODE_FOLDER / "node_modules" / "bullmq").is_dir():
        return ""
    words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(words, cwd=_NODE_FOLDER, capture_output=True, text=True, timeout=_INSTALL_S)
    except subprocess.TimeoutExpired:
        return "npm could not fetch it in time"
    return "" if done.returncode == 0 else f"npm could not fetch it: {done.stderr.strip()[-200:]}"
