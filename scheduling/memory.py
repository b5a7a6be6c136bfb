"""What a cell takes in the memory of its servers, by part: measured cheaply, beside the bound of each part.

Nothing is scanned. Shared keys are measured as they are; of what there is one a session, node or job, a few
are measured and multiplied. ``docs/memory.md`` explains the bounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scheduling.errors import CommandError
from scheduling.instances import read_instances
from scheduling.ledger.cell import Cell, text
from scheduling.settings import Settings
from scheduling.store.base import Parts, Store

#: Bytes of one of each, at most in ordinary use (`tests/scheduling/test_memory.py` measures them).
JOB_BYTES = 4096
SESSION_BYTES = 2048
OUT_ENTRY_BYTES = 2048
INBOX_ENTRY_BYTES = 3072
NODE_BYTES = 8192
#: Entries of an inbox (`lua/include/ground.lua`).
INBOX_ENTRIES = 10_000
#: So many of them may have an audio with them (`lua/reserve.lua`), and what such a one takes.
CARRIED, CARRIED_BYTES = 500, 36_864
_SAMPLES = 16
_EXACT = 5


@dataclass(frozen=True, slots=True)
class Bound:
    """How large a part may grow, and what happens then."""

    part: str
    bytes_at_most: int | None
    """None where the load bounds it, not a setting."""
    formula: str
    """In names of settings and sizes in bytes."""
    when_reached: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part as it is now."""

    bound: Bound
    count: int
    bytes_now: int
    estimated: bool
    """Measured on a few and multiplied."""


@dataclass(frozen=True, slots=True)
class Memory:
    """All of it."""

    parts: Sequence[Part]
    ledger_used: int | None
    """Bytes that the ledger's server takes, all it holds included; None where it does not tell."""
    ledger_max: int | None
    """Its ``maxmemory``, 0 for none."""


def bounds(settings: Settings, processes: int = 1) -> dict[str, Bound]:
    """Give the bound of each part; ``processes`` are the web processes of the cell."""
    connections = processes * settings.max_connections
    carried = 0 if settings.payload_url else CARRIED  # audio that lives elsewhere is in no script
    refused = "audio: NODE_OVERLOADED, say it again; speech: the text goes alone"
    found = (
        Bound("audio and speech", settings.body_budget, "BODY_BUDGET", refused),
        Bound(
            "waiting jobs",
            settings.max_waiting * JOB_BYTES,
            f"MAX_WAITING * {JOB_BYTES}",
            "NODE_OVERLOADED with an estimate of the wait",
        ),
        Bound(
            "sessions",
            connections * SESSION_BYTES,
            f"web processes * MAX_CONNECTIONS * {SESSION_BYTES}",
            "new sockets are told to come back later",
        ),
        Bound(
            "out streams",
            connections * settings.out_entries * OUT_ENTRY_BYTES,
            f"web processes * MAX_CONNECTIONS * OUT_ENTRIES * {OUT_ENTRY_BYTES}",
            "a session's oldest results go; a client that lacks them is told history_lost",
        ),
        Bound(
            "inboxes",
            processes * (INBOX_ENTRIES * INBOX_ENTRY_BYTES + carried * CARRIED_BYTES),
            f"web processes * ({INBOX_ENTRIES} * {INBOX_ENTRY_BYTES} + {carried} * {CARRIED_BYTES})",
            "the oldest hints go; deadlines and looks do their work",
        ),
        Bound("outbox", None, "ended jobs that nobody has formatted", "web processes drain it themselves"),
        Bound("running jobs", None, f"slots of all nodes * {JOB_BYTES}", "the next job waits"),
        Bound("nodes", None, f"nodes * {NODE_BYTES}", "NODE_MEMORY_MS after a node left it is forgotten"),
    )
    return {bound.part: bound for bound in found}


def needed_bytes(settings: Settings, *, bodies: bool) -> int:
    """Give what a ledger's server must have room for at least: what settings alone allow."""
    known = bounds(settings)
    parts = ["waiting jobs", "inboxes", *(["audio and speech"] if bodies else [])]
    return sum(known[part].bytes_at_most or 0 for part in parts)


def read_memory(cell: Cell, bodies: Store, sessions: Sequence[str]) -> Memory:
    """Measure all parts; ``sessions`` are some that have a record, to be measured. Raises `StoreError`."""
    keys, store, settings = cell.keys, cell.store, cell.settings
    heard = [one for one, _ in read_instances(cell)]
    waiting, used = (int(value or 0) for value in store.command("HMGET", keys.cell, "waiting", "slots_used"))
    streams = [keys.dirty, *map(keys.results, range(settings.shards))]
    inboxes = [keys.inbox(one.instance_id) for one in heard]
    lengths = store.commands([("XLEN", name) for name in [*streams, *inboxes]])
    nodes = [text(name) for name in store.command("ZRANGE", keys.nodes, 0, _SAMPLES - 1)]
    due = [text(member) for member in store.command("ZRANGE", keys.deadlines, 0, 4 * _SAMPLES - 1)]
    jobs = [keys.job(member[2:]) for member in due if member.startswith("j|")][:_SAMPLES]
    held = sum(one.sessions for one in heard)
    known = bounds(settings, max(1, len(heard)))
    total, count = _bodies(bodies, keys.cell, keys.body_index)
    job_bytes = _mean(store, jobs)
    some = list(sessions)[:_SAMPLES]
    parts = [
        Part(known["audio and speech"], count, total, estimated=False),
        Part(known["waiting jobs"], waiting, waiting * job_bytes, estimated=True),
        Part(known["running jobs"], used, used * job_bytes, estimated=True),
        Part(known["sessions"], held, held * _mean(store, list(map(keys.session, some))), estimated=True),
        Part(known["out streams"], held, held * _mean(store, list(map(keys.out, some))), estimated=True),
        Part(known["inboxes"], sum(lengths[len(streams) :]), _sum(store, inboxes), estimated=False),
        Part(known["outbox"], sum(lengths[: len(streams)]), _sum(store, streams), estimated=False),
        Part(known["nodes"], (online := store.command("ZCARD", keys.nodes)),
             online * _mean(store, list(map(keys.node, nodes))), estimated=True),
    ]  # fmt: skip
    return Memory(parts, *read_server(store))


def read_kinds(bodies: Store, account: str) -> Mapping[str, int]:
    """Give the bytes of audio and of speech. Raises `StoreError`."""
    audio, speech = bodies.command("HMGET", account, "bodies:a", "bodies:s")
    return {"audio": int(audio or 0), "speech": int(speech or 0)}


def _bodies(store: Store, account: str, index: str) -> tuple[int, int]:
    total, count = store.commands([("HGET", account, "bodies"), ("ZCARD", index)])
    return int(total or 0), int(count)


def _usage(store: Store, names: Sequence[str]) -> list[int]:
    """Give the bytes of keys, those that are not there left out; none where the server does not tell."""
    asked: list[Parts] = [("MEMORY", "USAGE", name, "SAMPLES", _EXACT) for name in names]
    try:
        return [int(size) for size in store.commands(asked) if size is not None]
    except CommandError:
        return []


def _sum(store: Store, names: Sequence[str]) -> int:
    return sum(_usage(store, names))


def _mean(store: Store, names: Sequence[str]) -> int:
    """Give the mean, a key that is not there counting as nothing."""
    return _sum(store, names) // len(names) if names else 0


def read_server(store: Store) -> tuple[int | None, int | None]:
    """Give the bytes a server takes and its ``maxmemory``, None where it does not tell."""
    try:
        lines = store.command("INFO", "memory").decode().splitlines()
    except CommandError:
        return None, None
    told = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(told.get("used_memory", 0)), int(told.get("maxmemory", 0))
