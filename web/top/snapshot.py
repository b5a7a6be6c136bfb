"""What one frame shows, read from a server's HTTP API in a handful of requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from web.command.operator_client import OperatorClient, ServerRefused

Body = dict[str, Any]

#: Nodes looked at for one frame; totals are of all of them.
MOST_NODES = 500
_MOST_POOLS = 50
_MOST_JOBS = 500
#: What jobs wait for is explained for so many pairs of languages: a request each.
_MOST_EXPLAINED = 3
_MOST_REASONS = 2


@dataclass(frozen=True, slots=True)
class Wait:
    """Jobs that wait for the same pair of languages."""

    pair: str
    jobs: int
    longest_ms: int
    why: str
    """What keeps the nodes from them; empty for pairs that were not looked into."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The fleet at one moment, in the words of the API."""

    stats: Body
    cluster: Body
    pools: Body
    process: Body
    waits: Sequence[Wait]


def read_snapshot(client: OperatorClient) -> Snapshot:
    """Ask for everything. Raises `ServerSilent` and `ServerRefused`."""
    stats = client.get("stats")
    return Snapshot(
        stats=stats,
        cluster=client.get("cluster", limit=MOST_NODES),
        pools=client.get("pools", limit=_MOST_POOLS),
        process=client.get("process"),
        waits=_waits(client) if stats["waiting"] else (),
    )


def _waits(client: OperatorClient) -> list[Wait]:
    body = client.get("jobs", state="waiting", limit=_MOST_JOBS)
    by_pair: dict[str, list[Body]] = {}
    for job in body["jobs"]:
        by_pair.setdefault(job["pair"], []).append(job)
    waits: list[Wait] = []
    for pair, jobs in sorted(by_pair.items(), key=lambda item: -len(item[1])):
        oldest = min(jobs, key=lambda job: int(job["created_ms"]))
        waited_ms = body["now_ms"] - oldest["created_ms"]
        why = _why(client, oldest["job_id"]) if len(waits) < _MOST_EXPLAINED else ""
        waits.append(Wait(pair, len(jobs), waited_ms, why))
    return waits


def _why(client: OperatorClient, job_id: str) -> str:
    """Say what keeps the nodes from a job: the first reasons, those of able nodes before the others."""
    try:
        found = client.get("jobs", job_id, "explain")
    except ServerRefused:
        return ""  # it has ended meanwhile
    excluded = found["pair"]["excluded"] if found["pair"] else []
    return ", ".join(f"{one['nodes']} {one['reason']}" for one in excluded[:_MOST_REASONS])
