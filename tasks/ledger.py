"""The worker's ledger: one per process, made at first use."""

import os
import socket
from functools import cache
from typing import Final

from scheduling.bodies import Bodies
from scheduling.errors import StoreBusy, StoreOutOfMemory, StoreReadOnly, StoreTimeout, StoreUnavailable
from scheduling.ledger import Ledger
from scheduling.ledger.codes import SchemaMismatch
from scheduling.settings import get_settings
from scheduling.store.plain import PlainStore

#: What a task may raise without being wrong itself: it is logged in one line, and the work is done later.
TROUBLE: Final = (
    StoreUnavailable, StoreTimeout, StoreBusy, StoreReadOnly, StoreOutOfMemory, SchemaMismatch,
)  # fmt: skip


@cache
def worker_ledger() -> Ledger:
    """Give this process's ledger; its store survives a fork."""
    settings = get_settings()
    return Ledger(PlainStore(settings.redis_url, timeout_s=settings.store_timeout_s), settings)


@cache
def worker_bodies() -> Bodies:
    """Give this process's way to audio and speech."""
    settings = get_settings()
    return Bodies(PlainStore(settings.body_url, timeout_s=settings.store_timeout_s), settings)


def first_of_period(name: str, period_ms: int) -> bool:
    """Whether this is the one process that does a periodic work now: two beats do no harm."""
    ledger = worker_ledger()
    return ledger.cell.store.command("SET", ledger.keys.once(name), "1", "NX", "PX", period_ms) is not None


def sweeper_name() -> str:
    """Name this process among those that settle deadlines."""
    return f"worker-{socket.gethostname()}-{os.getpid()}"
