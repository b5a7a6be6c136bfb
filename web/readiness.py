"""Why this process cannot serve now, in words for who operates it."""

from scheduling.errors import StoreError, StoreOutOfMemory, StoreReadOnly
from scheduling.store.base import Store

_PATIENCE_S = 1.0
_SILENT = "Redis does not answer"
_NO_MEMORY = "Redis is out of memory (maxmemory): GET /api/v1/memory shows what takes it"
_READ_ONLY = "Redis takes no writes: REDIS_URL leads to a replica, or it cannot write its file"
_FULL = "Redis takes no more connections: raise its maxclients"
_LOADING = "Redis is loading its data"
_OTHER = "Redis fails: "


def why_not_ready(store: Store, swept: Exception | None) -> str:
    """Say what is wrong with the ledger, "" for nothing; ``swept`` is how the last sweep failed.

    Sweeps write twice a second, so they show what a server that still answers no longer takes.
    """
    try:
        store.command("PING", timeout_s=_PATIENCE_S)
    except StoreError as error:
        return _words(error)
    return _words(swept) if swept is not None else ""


def _words(error: Exception) -> str:
    if isinstance(error, StoreOutOfMemory):
        return _NO_MEMORY
    if isinstance(error, StoreReadOnly):
        return _READ_ONLY
    said = str(error)
    if "max number of clients" in said:
        return _FULL
    if "loading" in said.lower():  # with the code LOADING, or without it while a connection is made
        return _LOADING
    if said.startswith(("BUSY", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS")):
        return f"{_OTHER}{said[:200]}"
    return _SILENT if isinstance(error, StoreError) else f"{_OTHER}{said[:200]}"
