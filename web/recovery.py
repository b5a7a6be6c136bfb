"""Noticing that the ledger's server may have lost writes, and telling it anew what this process holds.

A server that dies may come back without its last second (``appendfsync everysec``), a replica that took over
without what had not reached it, a flushed one with nothing. Three signs tell: the cell has another epoch,
another server process answers, or this instance's own last sign of life is not there any more. None proves
a loss, so what follows changes nothing where nothing was lost.
"""

import logging
import re

from scheduling.errors import CommandError
from scheduling.ledger import Ledger
from web.node_socket import NodeSocket
from web.peers import Peers
from web.restoring import Restorer

_log = logging.getLogger(__name__)

_RUN_ID = re.compile(rb"^run_id:(\w+)", re.MULTILINE)


class LossWatch:
    """Compares what the server says of itself with what it said last."""

    def __init__(self) -> None:
        self._epoch: bytes | None = None
        self._run_id: bytes | None = None
        self._heard_ms = -1.0
        self._renewed = False

    def may_have_lost(self, epoch: bytes | None, run_id: bytes | None, heard_ms: bytes | None) -> bool:
        """Whether a sign has changed; ``heard_ms`` is this instance's last sign of life in the ledger.

        What the server does not tell is None, and taken for unchanged, except the epoch.
        """
        heard = float(heard_ms or -1)
        gone_back = heard <= self._heard_ms if self._renewed else heard < self._heard_ms
        other = self._run_id is not None and run_id is not None and run_id != self._run_id
        flushed = self._epoch is not None and epoch != self._epoch
        self._heard_ms, self._renewed = heard, False
        self._run_id = run_id or self._run_id
        self._epoch = epoch or self._epoch
        return flushed or other or gone_back

    def renewed(self) -> None:
        """Note that the server has acknowledged a new sign of life."""
        self._renewed = True


class Recovery:
    """Part of each sweep."""

    def __init__(
        self, ledger: Ledger, instance: str, peers: Peers, nodes: NodeSocket, restorer: Restorer
    ) -> None:
        self._ledger = ledger
        self._instance = instance
        self._peers = peers
        self._nodes = nodes
        self._restorer = restorer
        self._watch = LossWatch()
        self._due = False
        self._tells_run_id = True
        self.suspected = 0
        """Times that the ledger may have lost something."""

    def look(self) -> None:
        """Look for a loss and mend it. Raises `LedgerError` and `StoreError`; what is due stays due."""
        keys = self._ledger.keys
        epoch, heard_ms = self._ledger.cell.store.commands(
            [("HGET", keys.cell, "epoch"), ("ZSCORE", keys.instances, self._instance)]
        )
        if epoch is None:
            epoch = self._ledger.cell.open().encode()
        if self._watch.may_have_lost(epoch, self._run_id(), heard_ms):
            _log.warning("Redis was restarted, replaced or flushed: what is held here is told to it anew")
            self.suspected += 1
            self._due = True
            self._ledger.cell.open()  # a process of another version may have opened it, with fewer limits
        if self._due:
            self._mend()

    def renewed(self) -> None:
        """Note that the ledger has acknowledged a sign of life of this instance."""
        self._watch.renewed()

    def _run_id(self) -> bytes | None:
        if not self._tells_run_id:
            return None
        try:
            found = _RUN_ID.search(self._ledger.cell.store.command("INFO", "server"))
        except CommandError as error:
            _log.info("Redis does not say which process it is: %s", error)
            self._tells_run_id = False
            return None
        return found[1] if found else None

    def _mend(self) -> None:
        lost, links = self._restorer.lost, list(self._peers.sessions.values())
        self._nodes.enter_lost()
        self._restorer.restore(links)
        for link in links:
            link.room_touched_s = 0.0  # whether the room is there too is seen in this sweep
        self._due = False
        _log.warning(
            "%d sessions were told to Redis; it had lost %d utterances",
            len(links),
            self._restorer.lost - lost,
        )
