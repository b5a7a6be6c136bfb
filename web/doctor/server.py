"""The Redis or Valkey itself: what it is, whether it keeps what it is given, how far and how full it is."""

import time
from collections.abc import Mapping
from statistics import median

from scheduling.errors import CommandError, StoreError
from scheduling.memory import needed_bytes
from scheduling.settings import Settings
from scheduling.store.base import Store
from web.doctor.finding import Finding, Findings, failed, ok, warning
from web.store_check import evicts, forgets, read_config

#: The oldest that has every command the scripts use (`ZRANGE … BYSCORE`, `XAUTOCLAIM`).
_OLDEST = (6, 2)
_PINGS = 25
#: An utterance takes a handful of round trips; the first is felt, the second eats up the time of a call.
_SLOW_MS, _TOO_SLOW_MS = 5.0, 100.0
#: Times are told by Redis alone; this machine's clock is in logs, traces and the life of tokens.
_CLOCK_MS, _CLOCK_WRONG_MS = 1000.0, 30_000.0
#: Of maxclients or of memory; the rest is for a deploy, when old and new processes overlap.
_FULL, _TOO_FULL = 0.8, 0.95
_MB = 2**20


def read_info(store: Store) -> dict[str, str]:
    """Give what ``INFO`` tells; empty where it is not allowed. Raises `StoreError` when nobody answers."""
    try:
        lines = store.command("INFO").decode(errors="replace").splitlines()
    except CommandError:
        return {}
    return dict(line.split(":", 1) for line in lines if ":" in line)


def look_at_server(store: Store, settings: Settings) -> Findings:
    """Look at the ledger's server, which answers. Raises `StoreError` should it stop doing so."""
    info, config = read_info(store), read_config(store)
    yield _version(info)
    yield _role(info)
    if _mode(info) == "cluster":
        yield _cluster(settings)
    yield from _keeping(info, config)
    yield _memory(info, needed_bytes(settings, bodies=not settings.payload_url))
    yield _clients(info, config)
    yield _latency(store)
    yield _clock(store)


def look_at_body_server(store: Store, settings: Settings) -> Findings:
    """Look at the server of ``PAYLOAD_URL``; it may forget when it ends, not before. Raises as above."""
    config = read_config(store)
    if (policy := config.get("maxmemory-policy", "noeviction")) != "noeviction":
        yield warning(
            "bodies",
            f"The server of PAYLOAD_URL may evict audio and speech (maxmemory-policy {policy}).",
            "Set maxmemory-policy noeviction there: results come without speech, retries without audio.",
        )
    else:
        yield ok("bodies", "The server of PAYLOAD_URL answers.")
    yield _memory(read_info(store), settings.body_budget, "body-memory")


def _version(info: Mapping[str, str]) -> Finding:
    name, version = "Redis", info.get("redis_version", "")
    if valkey := info.get("valkey_version"):
        name, version = "Valkey", valkey
    if not version:
        return warning(
            "version", "The server does not say what it is (INFO is refused).", "See its provider's page."
        )
    parts = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if parts < _OLDEST:
        return failed("version", f"{name} {version} lacks commands that are used.", "Use 6.2 or newer.")
    return ok("version", f"{name} {version}, {_mode(info)}.")


def _mode(info: Mapping[str, str]) -> str:
    return info.get("redis_mode") or info.get("server_mode") or "standalone"


def _cluster(settings: Settings) -> Finding:
    """Scripts stay on the shard of their cell; Celery's client knows nothing of shards."""
    if settings.celery_broker_url:
        return ok("cluster", f"All keys of cell {settings.cell!r} are on one shard; the broker is elsewhere.")
    return failed(
        "cluster",
        "The ledger may be on a Cluster, Celery's broker may not.",
        "Give the broker a server of its own: CELERY_BROKER_URL.",
    )


def _role(info: Mapping[str, str]) -> Finding:
    if info.get("loading") == "1":
        return failed("role", "It still loads its data.", "Wait; a web process is not ready before.")
    if info.get("role", "master") != "master":
        return failed(
            "role",
            f"It is a replica of {info.get('master_host')}:{info.get('master_port')}, which takes no writes.",
            "Let REDIS_URL name the master, or the Sentinels (redis+sentinel://).",
        )
    behind = int(info.get("connected_slaves", 0))
    replicas = {0: "without replicas", 1: "with 1 replica"}.get(behind, f"with {behind} replicas")
    return ok("role", f"It is a master {replicas}.")


def _keeping(info: Mapping[str, str], config: Mapping[str, str]) -> Findings:
    if not config:
        yield warning(
            "eviction",
            "The server does not tell its settings (CONFIG is refused, as managed ones do).",
            "See in its console that maxmemory-policy is noeviction and an append-only file is kept.",
        )
    elif said := evicts(config):
        yield failed("eviction", f"{said.partition(':')[0]}.", "CONFIG SET maxmemory-policy noeviction")
    else:
        yield ok("eviction", "Nothing is evicted (noeviction).")
    if int(info.get("evicted_keys", 0)):
        yield warning(
            "evicted",
            f"{info['evicted_keys']} keys were evicted since it started.",
            "What is missing heals by deadlines; see that it cannot happen again.",
        )
    if said := forgets(config):
        advice = "CONFIG SET appendonly yes and appendfsync everysec, and the same in its file."
        yield warning("persistence", f"{said.partition(':')[0]}.", advice)
    elif config:
        every = {"always": "every write", "everysec": "every second"}[config.get("appendfsync", "everysec")]
        yield ok("persistence", f"It writes an append-only file, {every}.")
    broken = [
        name
        for name in ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")
        if info.get(name, "ok") != "ok"
    ]
    if broken:
        yield failed(
            "disk",
            f"Its last write to disk failed ({', '.join(broken)}).",
            "Look at its log and the room on its disk; it may refuse writes until then.",
        )


def _memory(info: Mapping[str, str], needed: int, check: str = "memory") -> Finding:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    machine = int(info.get("total_system_memory", 0))
    if not used:
        return warning(
            check, "The server does not tell its memory (INFO is refused).", "See its provider's page."
        )
    room, of = (most, "maxmemory") if most else (machine, "its machine's memory, maxmemory being unset")
    says = f"{used // _MB} MB used of {room // _MB} MB ({of})."
    if room and used >= _TOO_FULL * room:
        return failed(check, says, "Writes are refused when it is full: raise maxmemory (docs/memory.md).")
    if room and used >= _FULL * room:
        return warning(check, says, "Raise maxmemory, or lower BODY_BUDGET and MAX_WAITING (docs/memory.md).")
    if 0 < most < needed:
        return warning(
            check,
            f"maxmemory is {most // _MB} MB, but the settings allow {needed // _MB} MB to be filled.",
            "Raise maxmemory, or lower BODY_BUDGET and MAX_WAITING.",
        )
    return ok(check, says)


def _clients(info: Mapping[str, str], config: Mapping[str, str]) -> Finding:
    connected = int(info.get("connected_clients", 0))
    most = int(info.get("maxclients") or config.get("maxclients") or 0)
    refused = int(info.get("rejected_connections", 0))
    says = f"{connected} connections of {most or 'an unknown number'}"
    if most and connected >= _FULL * most:
        return warning("connections", f"{says}.", "Raise its maxclients: a deploy needs twice as many.")
    if refused:
        return warning(
            "connections",
            f"{says}; {refused} were refused since it started.",
            "If that goes on, raise its maxclients, and the files it may open.",
        )
    return ok("connections", f"{says}; sockets of clients take none.")


def _latency(store: Store) -> Finding:
    took = []
    for _ in range(_PINGS):
        began_s = time.perf_counter()
        store.command("PING")
        took.append((time.perf_counter() - began_s) * 1000)
    middle, most = median(took), max(took)
    says = f"A round trip takes {middle:.2g} ms, {most:.2g} ms at most of {_PINGS}."
    if middle >= _TOO_SLOW_MS:
        return failed("latency", says, "Move it nearer: every utterance waits for several round trips.")
    if middle >= _SLOW_MS:
        return warning("latency", says, "Run it in the same zone, or see what slows it (SLOWLOG GET).")
    return ok("latency", says)


def _clock(store: Store) -> Finding:
    before_s = time.time()
    seconds, micros = store.command("TIME")
    middle_s = (before_s + time.time()) / 2
    off_ms = (middle_s - int(seconds) - int(micros) / 1e6) * 1000
    says = f"This machine's clock is {abs(off_ms):.0f} ms {'ahead of' if off_ms > 0 else 'behind'} Redis's."
    advice = "Let both machines keep time (chrony, systemd-timesyncd): logs and tokens go by it."
    if abs(off_ms) >= _CLOCK_WRONG_MS:
        return failed("clock", says, advice)
    if abs(off_ms) >= _CLOCK_MS:
        return warning("clock", says, advice)
    return ok("clock", says)


def broken_off(check: str, name: str, error: StoreError) -> Finding:
    """Say that a server answered and then did not do what was asked."""
    return failed(
        check,
        f"The server of {name} answers, but not everything: {error}",
        "See its log and its rights (ACL).",
    )


def unreachable(check: str, name: str, url: str, error: StoreError | ValueError) -> Finding:
    """Say that a server does not answer; ``url`` without its password."""
    return failed(
        check,
        f"{name} is {url}, and nobody answers there: {error}",
        "Start it, or mend the URL, the firewall, the password or the certificate.",
    )
