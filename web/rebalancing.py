"""Spreading sockets again: after a rolling restart all sit where it began, and the last process has none.

A process that holds clearly more than its share asks peers that lose nothing by it to come back, and whoever
spreads connections (a load balancer, or the peer's own list of servers) brings them elsewhere.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice

import gevent

from scheduling.errors import StoreError
from scheduling.instances import Instance, read_living
from scheduling.ledger import Ledger
from scheduling.ledger.codes import LedgerError
from web.close_codes import CloseCode
from web.node_link import NodeLink
from web.peers import Peers
from web.presence import Presence
from web.session_link import SessionLink

_log = logging.getLogger(__name__)

_PERIOD_S = 1.0
#: It begins above this multiple of the fair share and goes on down to the share itself, so that the coming
#: and going of a few sockets moves nobody.
BEGINS_AT = 1.25
#: So many looks in a row must find too many: amid a restart what processes say does not fit together.
PATIENCE = 3
#: Peers that were asked to go count for this long as held by somebody, s: longer than they take to come back
#: and to be told of.
_ON_THEIR_WAY_S = 10.0
#: So soon may a peer be back, s: they are asked one by one, so nobody is stormed.
_BACK_IN_S = 0.1
_GOODBYE = f"sockets are spread over the servers again, come back in {_BACK_IN_S} s"
#: A node that is asked to come back keeps its place so much longer than one whose socket broke, ms.
_MORE_GRACE_MS = 1000


class Share:
    """What one kind of sockets of this process has to do with those of the others."""

    def __init__(self) -> None:
        self._asked: deque[tuple[float, int, int]] = deque()  # when, how many, and how many others held then
        self._is_moving = False
        self._looks = 0
        self._elsewhere = 0

    def excess(self, own: int, others: Sequence[int], now_s: float) -> int:
        """How many sockets to give up, as things are; ``others`` are what the other processes hold."""
        self._elsewhere = sum(others)
        total = own + self._elsewhere + self._on_their_way(now_s)
        fair = math.ceil(total / (1 + len(others)))
        self._looks = self._looks + 1 if others and own > fair * BEGINS_AT else 0
        self._is_moving = bool(others) and own > fair and (self._is_moving or self._looks >= PATIENCE)
        return own - fair if self._is_moving else 0

    def note(self, count: int, now_s: float) -> None:
        """Note that so many were asked to go after the last look."""
        if count:
            self._asked.append((now_s, count, self._elsewhere))

    def _on_their_way(self, now_s: float) -> int:
        """How many were asked and have not come to another process yet.

        Nobody holds them now: not counted, they would make the shares look smaller than they are, and this
        process would go on below its own.
        """
        while self._asked and now_s - self._asked[0][0] > _ON_THEIR_WAY_S:
            self._asked.popleft()
        if not self._asked:
            return 0
        asked = sum(count for _, count, _ in self._asked)
        return min(asked, max(0, asked - (self._elsewhere - self._asked[0][2])))


class Rebalancer:
    """Once a second; costs two round trips a second, nothing when it is switched off."""

    def __init__(self, ledger: Ledger, instance: str, peers: Peers, presence: Presence) -> None:
        self._ledger = ledger
        self._instance = instance
        self._peers = peers
        self._presence = presence
        self._sessions, self._nodes = Share(), Share()
        self._per_s = ledger.cell.settings.rebalance_per_s
        self._budget = 0.0
        self.asked = 0
        """Peers asked to come back elsewhere since the start."""

    def run(self) -> None:
        """Do it for ever."""
        while True:
            gevent.sleep(_PERIOD_S)
            try:
                self.balance()
            except (StoreError, LedgerError) as error:
                _log.debug("sockets are not spread now: %s", error)

    def balance(self) -> None:
        """Ask a few peers to go, if this process holds clearly too many. Raises `StoreError`."""
        self._budget = min(self._budget + self._per_s * _PERIOD_S, max(1.0, self._per_s * _PERIOD_S))
        others = self._others()
        if others is None or self._presence.leaving:
            return
        now_s = time.monotonic()
        nodes = self._nodes.excess(len(self._peers.nodes), [one.nodes for one in others], now_s)
        self._nodes.note(self._spend(nodes, map(self._ask_node, self._idle_nodes())), now_s)
        sessions = self._sessions.excess(len(self._peers.sessions), [one.sessions for one in others], now_s)
        self._sessions.note(self._spend(sessions, map(_ask_session, self._idle_sessions())), now_s)

    def _others(self) -> list[Instance] | None:
        """Give the other living processes; None while one of them leaves: its sockets are about to come."""
        others = [one for one in read_living(self._ledger.cell) if one.instance_id != self._instance]
        return None if any(one.leaving for one in others) else others

    def _spend(self, excess: int, asking: Iterator[None]) -> int:
        """Ask one after the other, as many as may go; give how many were."""
        asked = sum(1 for _ in islice(asking, min(excess, int(self._budget))))
        self._budget -= asked
        self.asked += asked
        return asked

    def _idle_nodes(self) -> Iterator[NodeLink]:
        """Those connected longest first, so that one that came back at once is not asked again soon."""
        for link in list(self._peers.nodes.values()):
            if link.resumable and not (link.attempts or link.reported or link.connection.closed):
                yield link

    def _idle_sessions(self) -> Iterator[SessionLink]:
        """Those that wait for nothing and have said nothing that is not an utterance yet; nobody in a room.

        What members of a room signal to each other is not kept for who is away.
        """
        for link in list(self._peers.sessions.values()):
            busy = link.running or link.delivering or link.cutter.hears_utterance or link.room
            ends = link.closing or link.draining or link.left or link.connection.closed
            if link.resumable and not (busy or ends):
                yield link

    def _ask_node(self, link: NodeLink) -> None:
        """Keep new work from it first; what it is given at this very moment follows it to its next socket."""
        patience_ms = self._ledger.cell.settings.grace_ms + _MORE_GRACE_MS
        self._ledger.nodes.offline(link.node_id, link.socket, _GOODBYE, patience_ms)
        link.connection.close(CloseCode.RESTART, _GOODBYE)


def _ask_session(link: SessionLink) -> None:
    link.connection.close(CloseCode.RESTART, _GOODBYE)
