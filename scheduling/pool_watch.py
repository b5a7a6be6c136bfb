"""Watching the operator's pool file: what is new and right in it comes into force without a restart."""

import logging
from pathlib import Path

from scheduling.ledger import Ledger
from scheduling.ledger.cell import text
from scheduling.pool_file import PoolFile, PoolFileError, load
from scheduling.pooling import settle_pools

_log = logging.getLogger(__name__)


class PoolFileWatch:
    """Of one process. A file that is wrong changes nothing but the note that says why."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: tuple[int, ...] | None = None

    def look(self, ledger: Ledger) -> bool:
        """Read the file if it changed since the last look, or if the ledger lost it; whether it did."""
        mark = self._mark()
        in_force = ledger.cell.store.command("GET", ledger.keys.pool_file)
        if mark == self._seen and in_force is not None:
            return False
        try:
            definitions, error = (load(self._path) if self._path else PoolFile()).canonical(), ""
        except PoolFileError as wrong:
            definitions, error = text(in_force), str(wrong)
            _log.warning("the pools stay as they were: %s", error)
        ledger.nodes.set_pool_file(definitions, error)
        settle_pools(ledger)
        self._seen = mark
        return not error

    def _mark(self) -> tuple[int, ...]:
        """Tell one state of the file from another without reading it; empty when it is not there."""
        try:
            found = Path(self._path).stat()
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_size, found.st_ino
