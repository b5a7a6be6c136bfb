"""A cell of one's own for a simulation: settings, fleet, and its end."""

from scheduling.capability import CapabilityClass
from scheduling.catalog import Catalog, read_pools
from scheduling.ledger import Beat, Ledger, NodeRegistration
from scheduling.pooling import assign_pool, settle_pools
from scheduling.requirement import Requirement
from scheduling.settings import Settings, read_settings
from scheduling.simulation.fleet import Fleet
from scheduling.store.plain import PlainStore

START_MS = 1_800_000_000_000
INSTANCE = "simulate"
#: Sessions take turns, so that no node is the last one of them all.
SESSIONS = 64

_SERVICES = frozenset({"asr", "nmt", "tts"})
_SOURCE = "en"
_TARGETS = ("de", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "zh")
#: Of each pair of languages.
REQUIREMENTS = tuple(Requirement(_SOURCE, target, _SERVICES) for target in _TARGETS)
#: Longer than any simulation: only placement is looked at, so nothing may end by time.
_NEVER_MS = 10**12
_MOST_BEATS = 100


class NodeNotReady(Exception):
    """A healthy node of the simulated fleet was not given work."""


def cell_settings(url: str, cell: str) -> Settings:
    """Give the settings of a cell in which nothing ends by time; all others are the environment's.

    Raises `SettingsError`.
    """
    return read_settings(
        redis_url=url, cell=cell, dispatch_ms=_NEVER_MS, ack_ms=_NEVER_MS, attempt_ms=_NEVER_MS,
        wait_ms=_NEVER_MS, admit_wait_ms=_NEVER_MS,
        standing_wait_ms=_NEVER_MS, utterance_ms=_NEVER_MS, silence_ms=_NEVER_MS, max_waiting=10**9,
        tenant_waiting_percent=100, max_node_slots=4096, max_classes=10**6, shards=1,
    )  # fmt: skip


def bring_up(store: PlainStore, settings: Settings, fleet: Fleet) -> Catalog:
    """Register the fleet as nodes and workers do, until each node takes work; give its pools.

    Raises `NodeNotReady`.
    """
    ledger = Ledger(store, settings)
    ledger.cell.open()
    store.command("HSET", ledger.keys.cell, "clock", START_MS)
    for number, mask in enumerate(fleet.masks):
        _bring_up_node(ledger, str(number), _capability(mask), fleet.slots)
    settle_pools(ledger)
    for session in range(SESSIONS):
        ledger.sessions.open(str(session), INSTANCE, "socket", "{}")
    store.command("DEL", ledger.keys.inbox(INSTANCE))
    return read_pools(store, ledger.keys)


def count_leases(store: PlainStore, settings: Settings, fleet: Fleet) -> int:
    """Give how many slots of a cell are leased."""
    keys = Ledger(store, settings).keys
    return sum(store.commands([("ZCARD", keys.leases(str(node))) for node in range(fleet.nodes)]))


def forget(store: PlainStore, settings: Settings) -> None:
    """Delete every key of a cell."""
    prefix = Ledger(store, settings).keys.prefix
    cursor = b"0"
    while True:
        cursor, names = store.command("SCAN", cursor, "MATCH", f"{prefix}*", "COUNT", 1000)
        if names:
            store.command("UNLINK", *names)
        if cursor == b"0":
            return


def _bring_up_node(ledger: Ledger, name: str, capability: CapabilityClass, slots: int) -> None:
    ledger.nodes.register(
        NodeRegistration(name, name, INSTANCE, "", slots, _NEVER_MS, capability, False, "{}")
    )
    assign_pool(ledger, name)
    for _ in range(_MOST_BEATS):
        state = ledger.nodes.heartbeat(Beat(name, name, 0, True, False, "{}", capability, False))
        if state.status == "ready" and state.free_slots == slots:
            return
    raise NodeNotReady(f"a healthy node is {state.status} ({state.reason}), {state.free_slots} slots free")


def _capability(mask: int) -> CapabilityClass:
    targets = frozenset(target for pair, target in enumerate(_TARGETS) if mask >> pair & 1)
    source = frozenset({_SOURCE})
    return CapabilityClass(_SERVICES, asr=source, tts=targets, blocks=((source, targets),))
