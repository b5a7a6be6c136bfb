"""Whether the servers are set to keep what they are given."""

import logging
from collections.abc import Mapping

from scheduling.errors import CommandError
from scheduling.memory import needed_bytes
from scheduling.settings import Settings
from scheduling.store.base import Store

_log = logging.getLogger(__name__)

_ASKED = ("maxmemory-policy", "maxmemory", "appendonly", "appendfsync", "save", "maxclients")


def check_ledger_server(store: Store, settings: Settings) -> list[str]:
    """Give a sentence for each setting of the ledger's server that loses data; managed ones may not tell.

    Raises `StoreError` when it cannot be reached.
    """
    found = read_config(store)
    said = [sentence for sentence in (evicts(found), forgets(found)) if sentence]
    return said + _too_small(found, needed_bytes(settings, bodies=not settings.payload_url))


def evicts(found: Mapping[str, str]) -> str:
    """Say what a ledger's server of this configuration may throw away; empty when nothing."""
    if (policy := found.get("maxmemory-policy", "noeviction")) == "noeviction":
        return ""
    return f"Redis may evict leases and jobs (maxmemory-policy {policy}): set it to noeviction"


def forgets(found: Mapping[str, str]) -> str:
    """Say what it may lose in a crash, beyond the last second; empty when nothing."""
    if found.get("appendonly") == "no":
        if not found.get("save"):
            return "Redis forgets everything when it ends (appendonly no): accepted utterances may be lost"
        return "Redis keeps snapshots only (appendonly no, save): a crash loses minutes, set appendonly yes"
    if found.get("appendfsync") == "no":
        return "Redis leaves writing to the system (appendfsync no): 30 s may be lost, set everysec"
    return ""


def check_body_server(store: Store, settings: Settings) -> list[str]:
    """Do the same for a server that holds audio and speech alone; it need not write anything to disk."""
    found = read_config(store)
    said = []
    if (policy := found.get("maxmemory-policy", "noeviction")) != "noeviction":
        said.append(
            f"the server of PAYLOAD_URL may evict bodies (maxmemory-policy {policy}): results come without "
            "speech, and a job that has to be tried again fails for want of its audio; set noeviction"
        )
    return said + _too_small(found, settings.body_budget)


def warn(said: list[str]) -> None:
    """Log what was found."""
    for sentence in said:
        _log.warning("%s", sentence)


def _too_small(found: Mapping[str, str], needed: int) -> list[str]:
    most = int(found.get("maxmemory", 0))
    if not 0 < most < needed:
        return []
    mb, needed_mb = most // 2**20, needed // 2**20
    return [
        f"maxmemory is {mb} MB, but BODY_BUDGET and MAX_WAITING allow {needed_mb} MB: raise it or lower them"
    ]


def read_config(store: Store) -> dict[str, str]:
    """Give the settings that matter; none where the server does not tell. Raises `StoreError`."""
    try:
        reply = [part.decode() for part in store.command("CONFIG", "GET", *_ASKED)]
    except CommandError:
        return {}
    return dict(zip(reply[::2], reply[1::2], strict=True))
