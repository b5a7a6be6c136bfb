"""Pairing: a node's user reads a code to a client, whose session is then sent to that node."""

import secrets
from dataclasses import dataclass
from uuid import uuid4

from scheduling.ledger.cell import Cell, text

#: Letters and digits that nobody takes for one another, read aloud or off a screen.
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
#: 8.5 * 10^11 codes: guessing as fast as is looked at hits one of a thousand nodes in 3 years.
LENGTH = 8
#: How long a code is valid, ms.
TTL_MS = 300_000
#: A node that asks again within this time is given the same code, ms.
_FRESH_MS = 10_000
#: So many wrong codes in so many ms, of all clients; then codes are not looked at.
_MOST_MISSES, _WINDOW_MS = 600, 60_000


@dataclass(frozen=True, slots=True)
class Code:
    """A code and for how many ms it is still valid."""

    code: str
    valid_ms: int


class Pairing:
    """Typed calls of the pairing scripts."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    def issue(self, node_id: str) -> Code:
        """Give a node its code."""
        while True:
            proposed = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
            reply = self._cell.call("issue_pairing_code", [], [node_id, proposed, TTL_MS, _FRESH_MS])
            if reply[0]:
                return Code(text(reply[1]), int(reply[2]))

    def node_of(self, typed: str) -> str:
        """Give the node a code stands for, as somebody typed it; empty when it is none."""
        code = "".join(typed.split()).replace("-", "").upper()
        if len(code) != LENGTH or not set(code) <= set(ALPHABET):
            return ""
        reply = self._cell.call("use_pairing_code", [], [code, uuid4().hex, _MOST_MISSES, _WINDOW_MS])
        return text(reply[1]) if reply[0] else ""

    def pin(self, node_id: str) -> str:
        """Give a node a pool of its own, ``node-ID``; gives its class. Raises `UnknownNode`."""
        return text(self._cell.call("pin_node", [self._cell.keys.node(node_id)], [node_id])[1])
