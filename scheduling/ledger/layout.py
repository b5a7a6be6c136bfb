"""Whether the ledger is of a layout that this version knows, looked at before a process begins."""

from scheduling.errors import StoreError
from scheduling.keys import SCHEMA, Keys
from scheduling.ledger.cell import text
from scheduling.ledger.codes import SchemaMismatch
from scheduling.settings import Settings
from scheduling.store.plain import PlainStore

_PATIENCE_S = 2.0


def require_layout(settings: Settings) -> None:
    """Raise `SchemaMismatch` for a cell of another layout.

    A server that does not answer is no reason not to start: every script looks again.
    """
    try:
        with PlainStore(settings.redis_url, timeout_s=min(settings.store_timeout_s, _PATIENCE_S)) as store:
            found = text(store.command("HGET", Keys(settings.cell).cell, "schema"))
    except StoreError:
        return
    if found and found != SCHEMA:
        raise SchemaMismatch(found)
