"""Whether the cell takes this process for alive, and what it does when it learns that it was given up."""

import logging
from collections.abc import Callable

import gevent
from gevent.pool import Pool

from scheduling.errors import StoreError
from scheduling.ledger import Ledger
from scheduling.ledger.codes import LedgerError, NodeReplaced, UnknownNode
from web.delivery import Delivery
from web.node_link import NodeLink, close_replaced
from web.peers import Peers
from web.restoring import Restorer
from web.resuming import hand_over

_log = logging.getLogger(__name__)

#: Sockets asked about together, whose questions share a round trip.
_AT_ONCE = 100
#: A silent ledger may hold up this process's goodbye so long, s; it is declared dead then.
_LEAVING_S = 1.0


class Membership:
    """The generation of this process, which ends when it was not heard for ``INSTANCE_DEAD_MS``.

    A process that was stopped and goes on knows nothing of it, and its sockets may be as they were. So each
    is looked at: what nobody else has taken over meanwhile is entered again, the others are closed. Until
    then the ledger refuses what it says in the name of its former generation: its nodes and sessions are not
    its own, and attempts that went elsewhere have other numbers.
    """

    def __init__(
        self,
        ledger: Ledger,
        instance: str,
        peers: Peers,
        delivery: Delivery,
        restorer: Restorer,
        enter_node: Callable[[NodeLink], object],
    ) -> None:
        self._ledger = ledger
        self._instance = instance
        self._peers = peers
        self._delivery = delivery
        self._restorer = restorer
        self._enter_node = enter_node
        self._recovered = True
        self.generation = 0
        """0 before the ledger was reached."""

    def show_life(self) -> None:
        """Say that this process lives; come back if it was declared dead. Raises `StoreError`."""
        generation = self._ledger.instances.touch(self._instance, self.generation)
        if generation is None:
            _log.warning("this process was declared dead, or the ledger was lost: it enters its sockets anew")
            self._recovered = False
            generation = self._ledger.instances.touch(self._instance, 0)
        self.generation = generation or 0
        if not self._recovered:
            Pool(_AT_ONCE).map(self._look_at_node, list(self._peers.nodes.values()))
            self._look_at_sessions()
            self._recovered = True

    def mind_others(self) -> None:
        """Declare processes dead that are heard no more, and settle what they held. Raises `StoreError`."""
        for instance in self._ledger.instances.end_dead():
            said = "instance lost: web process %s was not heard for long, what it held is given up"
            _log.warning(said, instance)

    def leave(self) -> None:
        """Say that this process ends; what it still holds is given up at once."""
        try:
            gevent.with_timeout(_LEAVING_S, self._ledger.instances.leave, self._instance, timeout_value=None)
        except (LedgerError, StoreError) as error:
            _log.warning("this process will be declared dead, as its end cannot be told: %s", error)

    def _look_at_node(self, link: NodeLink) -> None:
        try:
            try:
                self._ledger.nodes.touch(link.node_id, link.socket)
            except UnknownNode:
                self._enter_node(link)
        except NodeReplaced:
            close_replaced(link)
        except LedgerError as error:
            _log.warning("node %s is entered with its next message: %s", link.node_id, error)

    def _look_at_sessions(self) -> None:
        links = [link for link in self._peers.sessions.values() if not (link.left or link.connection.closed)]
        kept = self._restorer.restore(links)
        sockets = {link.socket for link in kept}
        for link in links:
            if link.socket in sockets:
                link.room_touched_s = 0.0  # its room learns with the next sweep where it is
            else:
                hand_over(link)
        self._delivery.look(kept)  # what was hinted to the former generation
