"""Pairing over the sockets: a node asks for a code, a session gives it."""

import logging
from math import ceil

from scheduling.errors import StoreError
from scheduling.ledger import Ledger
from scheduling.ledger.codes import LedgerError
from scheduling.messages import PairingCode, RequestPairingCode, dump
from web.node_link import NodeLink

_log = logging.getLogger(__name__)


class Pairings:
    """Issues and resolves codes; one object for all of the process."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def issue(self, link: NodeLink, _message: RequestPairingCode) -> None:
        """Answer a node that asks for a code. Raises `StoreError`."""
        issued = self._ledger.pairing.issue(link.node_id)
        link.send(dump(PairingCode(code=issued.code, expires_in_s=ceil(issued.valid_ms / 1000))))

    def node_of(self, typed: str | None) -> str:
        """Give the node a client's code stands for; empty for none, which is no error to the client."""
        if not typed:
            return ""
        try:
            return self._ledger.pairing.node_of(typed)
        except (LedgerError, StoreError) as error:
            _log.warning("a pairing code is left out because the ledger cannot be asked: %s", error)
            return ""
