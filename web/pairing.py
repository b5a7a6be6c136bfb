"""Pairing over the sockets: a node asks for a code, a session gives it."""

import logging
from math import ceil

from scheduling.errors import StoreError
from scheduling.ledger import Ledger
from scheduling.ledger.codes import LedgerError
from scheduling.messages import ErrorCode, PairingCode, RequestPairingCode, dump
from web.connection import Connection
from web.limiter import Limiter
from web.node_link import NodeLink
from web.refused import Refused, in_words

_log = logging.getLogger(__name__)


class Pairings:
    """Issues and resolves codes; one object for all of the process."""

    def __init__(self, ledger: Ledger, limiter: Limiter) -> None:
        self._ledger = ledger
        self._limiter = limiter

    def issue(self, link: NodeLink, _message: RequestPairingCode) -> None:
        """Answer a node that asks for a code. Raises `StoreError`."""
        issued = self._ledger.pairing.issue(link.node_id)
        link.send(dump(PairingCode(code=issued.code, expires_in_s=ceil(issued.valid_ms / 1000))))

    def node_of(self, typed: str | None, connection: Connection) -> str:
        """Give the node a client's code stands for; empty for none, which is no error to the client.

        Raises `Refused` where too many wrong ones came from this socket or its address.
        """
        if not typed:
            return ""
        address = self._limiter.address_of(connection.environ)
        if wait_ms := self._limiter.codes.begin(connection, address):
            self._limiter.refused["codes"] += 1
            said = f"Too many wrong pairing codes came from here. Try again in {in_words(wait_ms)}."
            raise Refused(ErrorCode.INVALID_PAIRING_CODE, said, wait_ms, limit="codes")
        try:
            node_id = self._ledger.pairing.node_of(typed)
        except (LedgerError, StoreError) as error:
            _log.warning("a pairing code is left out because the ledger cannot be asked: %s", error)
            return ""
        if node_id:
            self._limiter.codes.was_right(connection, address)
        return node_id
