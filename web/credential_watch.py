"""Notices within seconds that credentials were changed, revoked or have ended, and closes their sockets."""

import logging
import time

import gevent

from scheduling.credentials import Identity
from scheduling.credentials.revocations import RevocationList, Revocations
from scheduling.errors import StoreError
from scheduling.ledger import Ledger
from web.admission import Admission
from web.close_codes import CloseCode
from web.connection import Connection
from web.peers import Peers
from web.registry import Registry

_log = logging.getLogger(__name__)

_EVERY_S = 1.0
#: How often all sockets are looked through for credentials that have ended, s.
_ENDED_EVERY_S = 5.0
_ENDED = "The credential of this connection has ended or is not accepted any more. Get a new one."


class CredentialWatch:
    """Keeps `Admission` up to date; one greenlet of each web process."""

    def __init__(self, ledger: Ledger, admission: Admission, registry: Registry, peers: Peers) -> None:
        self.list = RevocationList(ledger.cell.store, ledger.keys)
        self._admission = admission
        self._registry = registry
        self._peers = peers
        self._swept_s = 0.0

    def run(self) -> None:
        """Look each second, for ever."""
        while True:
            try:
                self.look()
            except StoreError as error:
                _log.warning("revocations cannot be read: %s", error)
            gevent.sleep(_EVERY_S)

    def look(self) -> None:
        """Look once. Raises `StoreError`, but not before the credentials of the file were read."""
        changed = self._admission.source.reload()
        try:
            changed = self._read() or changed
        finally:
            if changed or time.monotonic() - self._swept_s > _ENDED_EVERY_S:
                self._sweep()

    def _read(self) -> bool:
        known = self._admission.revocations
        version = self.list.version()
        if version == known.version:
            return False
        if version < known.version:
            # The ledger was lost or went back: what was taken away stays so.
            self.list.add(*known.entries.values())
        self._admission.revocations = self.list.read()
        return True

    def _sweep(self) -> None:
        self._swept_s = time.monotonic()
        now_s = time.time()
        book, revocations = self._admission.book, self._admission.revocations
        for connection in self._registry:
            identity = connection.identity
            if identity is None:
                continue
            if entry := revocations.entry_for(identity):
                self._close(connection, identity, f"{entry.kind} revoked: {entry.reason or 'no reason'}")
            elif not book.holds(identity, now_s):
                self._close(connection, identity, _ENDED)
        self._sweep_nodes(revocations)

    def _sweep_nodes(self, revocations: Revocations) -> None:
        """Close the sockets of node ids that were banned, whoever holds them."""
        for kind, name in revocations.entries:
            link = self._peers.nodes.get(name) if kind == "node" else None
            if link is not None and revocations.entry_for(link.identity, link.node_id):
                self._close(link.connection, link.identity, "node banned by an operator")

    def _close(self, connection: Connection, identity: Identity, why: str) -> None:
        if not connection.closed:
            _log.warning("a connection of %s (%s) is closed: %s", identity.subject, identity.role, why)
            # A close frame has room for 123 bytes of reason.
            connection.close(CloseCode.POLICY_VIOLATION, why.encode()[:120].decode(errors="ignore"))
