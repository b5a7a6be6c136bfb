"""The records of an utterance, kept by commands that were recorded or by our scripts."""

import json
import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from bench.scripts import FLEET_CLASS, REQUIREMENT
from scheduling.bodies import Bodies
from scheduling.ledger import Beat, Ledger, NodeRegistration, Reservation
from scheduling.ledger.sessions import ReadyResult
from scheduling.settings import Settings
from scheduling.store.base import Store

PLACE = "LADEN_RECORDS"
_INSTANCE = "laden"
#: What our assignments, results and their messages take without audio, bytes.
_SPEC, _RESULT, _MAIN = "x" * 600, "x" * 500, "x" * 400
_STEPS = ("reserve", "complete", "release")
_SLOTS, _BEAT_MS = 64, 15_000


class Records(Protocol):
    """What web process and worker ask."""

    def register(self, node_id: str) -> None:
        """Let a node be given work."""

    def open(self, session_id: str) -> None:
        """Let a session speak."""

    def reserve(self, session_id: str, index: int, job_id: str, audio: str) -> tuple[str, int]:
        """Place a job; give its node and its order number."""

    def complete(self, node_id: str, job_id: str, speech: str) -> None:
        """End it."""

    def release(self, results: Sequence[tuple[str, str, int]]) -> None:
        """Keep what clients are told of so many: session, job and order number of each."""


class Recorded:
    """Does what was recorded, whatever it is asked; nodes take turns."""

    def __init__(self, store: Store) -> None:
        self._store = store
        sources = json.loads(Path(os.environ[PLACE]).read_text())
        self._digests = {
            step: store.command("SCRIPT", "LOAD", source).decode() for step, source in sources.items()
        }
        self._nodes: list[str] = []
        self._turn = count()

    def register(self, node_id: str) -> None:
        """See `Records`."""
        self._nodes.append(node_id)

    def open(self, session_id: str) -> None:
        """See `Records`."""

    def reserve(self, session_id: str, index: int, job_id: str, audio: str) -> tuple[str, int]:
        """See `Records`."""
        self._run("reserve", job_id)
        return self._nodes[next(self._turn) % len(self._nodes)], index

    def complete(self, node_id: str, job_id: str, speech: str) -> None:
        """See `Records`."""
        self._run("complete", job_id)

    def release(self, results: Sequence[tuple[str, str, int]]) -> None:
        """See `Records`."""
        self._store.commands([("EVALSHA", self._digests["release"], 0, job_id) for _, job_id, _ in results])

    def _run(self, step: str, job_id: str) -> None:
        self._store.command("EVALSHA", self._digests[step], 0, job_id)


class Deciding:
    """Our ledger."""

    def __init__(self, store: Store) -> None:
        settings = Settings(redis_url="redis://unused")
        self._ledger = Ledger(store, settings)
        self._along = Bodies(store, settings).along
        self._ledger.cell.open()

    def register(self, node_id: str) -> None:
        """See `Records`."""
        nodes, socket, pools = self._ledger.nodes, uuid4().hex, [FLEET_CLASS.class_id]
        nodes.register(
            NodeRegistration(node_id, socket, _INSTANCE, "", _SLOTS, _BEAT_MS, FLEET_CLASS, False, "{}")
        )
        nodes.set_pools(node_id, FLEET_CLASS, pools)
        nodes.heartbeat(Beat(node_id, socket, 0, True, False, "{}", FLEET_CLASS, False))

    def open(self, session_id: str) -> None:
        """See `Records`."""
        self._ledger.sessions.open(session_id, _INSTANCE, "socket", "{}")

    def reserve(self, session_id: str, index: int, job_id: str, audio: str) -> tuple[str, int]:
        """See `Records`."""
        placed = self._ledger.jobs.reserve(
            Reservation(
                job_id=job_id, request_id=job_id, session_id=session_id, instance=_INSTANCE, src_lang="en",
                tgt_lang="pt", requirement=REQUIREMENT, pools=[FLEET_CLASS.class_id], pools_version=0,
                spec=_SPEC, audio=f"a:{job_id}", next_index=index + 1, body=self._along(f"a:{job_id}", audio),
            )
        )  # fmt: skip
        return placed.node_id, placed.order

    def complete(self, node_id: str, job_id: str, speech: str) -> None:
        """See `Records`."""
        self._ledger.jobs.complete(
            job_id,
            node_id,
            1,
            "ok",
            instance=_INSTANCE,
            result=_RESULT,
            body=self._along(f"s:{job_id}", speech),
        )

    def release(self, results: Sequence[tuple[str, str, int]]) -> None:
        """See `Records`."""
        self._ledger.sessions.store_all(
            [
                ReadyResult(session, "pt", order, True, f"s:{job}", "", _MAIN, "")
                for session, job, order in results
            ]
        )


def write(path: Path, scripts: list[list[str]]) -> None:
    """Keep the Lua lines of each step for the processes of the path. Raises `ValueError` for other steps."""
    sources = ["\n".join([*lines, "return 1"]) for lines in scripts]
    path.write_text(json.dumps(dict(zip(_STEPS, sources, strict=True))))


def of_environment(store: Store) -> Records:
    """Give what the environment asks for: what was recorded, or else our scripts."""
    return Recorded(store) if PLACE in os.environ else Deciding(store)
