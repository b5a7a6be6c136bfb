"""Whether the ledger's server is set to keep what it is given."""

import logging

from scheduling.errors import CommandError
from scheduling.store.base import Store

_log = logging.getLogger(__name__)


def warn_of_forgetful_store(store: Store) -> None:
    """Log a warning for each setting of the server that loses data; managed servers may not tell.

    Raises `StoreError` when it cannot be reached.
    """
    try:
        reply = store.command("CONFIG", "GET", "maxmemory-policy", "appendonly")
    except CommandError:
        return
    found = dict(zip(reply[::2], reply[1::2], strict=True))
    policy = found.get(b"maxmemory-policy", b"noeviction").decode()
    if policy != "noeviction":
        _log.warning("Redis may evict leases and jobs (maxmemory-policy %s): set it to noeviction", policy)
    if found.get(b"appendonly") == b"no":
        _log.warning("Redis forgets everything when it ends (appendonly no): accepted utterances may be lost")
