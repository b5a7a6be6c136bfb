"""What nodes connected here run, held against a ledger that may have lost writes."""

import logging
from collections.abc import Iterator, Sequence
from itertools import islice

from scheduling.ledger import Ledger
from scheduling.ledger.cell import text
from scheduling.ledger.codes import LedgerError
from web.node_link import NodeLink
from web.peers import Peers

_log = logging.getLogger(__name__)

_RUNNING = frozenset({"assigned", "dispatched", "accepted", "started"})
_AT_ONCE = 200


def to_enter(ledger: Ledger, links: Sequence[NodeLink]) -> list[NodeLink]:
    """Give those that the ledger does not know as they are: nothing, no socket, or an earlier one of theirs.

    Generations grow with each registration, so a record with a higher one belongs to a later socket. Raises
    `StoreError`.
    """
    asked = [("HMGET", ledger.keys.node(link.node_id), "socket", "generation") for link in links]
    found = [record for some in _slices(asked) for record in ledger.cell.store.commands(some)]
    return [
        link
        for link, (socket, generation) in zip(links, found, strict=True)
        if not socket or (text(socket) != link.socket and int(generation) < link.generation)
    ]


def compare_attempts(ledger: Ledger, peers: Peers, links: Sequence[NodeLink]) -> None:
    """Have nodes stop what the ledger does not know they run, and let go elsewhere what they do not run.

    The first would take their slots from new work; of the second their answers are lost, and nobody would
    notice before the lease is over. Raises `StoreError`.
    """
    for link in links:
        _stop_unknown(ledger, link)
        _give_up_answered(ledger, peers, link)


def _stop_unknown(ledger: Ledger, link: NodeLink) -> None:
    sent = list(link.attempts.values())
    names = [("HMGET", ledger.keys.job(one.job_id), "state", "attempt", "node") for one in sent]
    for one, record in zip(sent, ledger.cell.store.commands(names), strict=True):
        state, attempt, node = map(text, record)
        if state not in _RUNNING or (attempt, node) != (str(one.attempt), link.node_id):
            link.send_cancel(one.job_id, one.attempt, "the server's storage was lost")


def _give_up_answered(ledger: Ledger, peers: Peers, link: NodeLink) -> None:
    most = link.registration.slots
    members = ledger.cell.store.command("ZRANGE", ledger.keys.leases(link.node_id), 0, most - 1)
    leases = dict.fromkeys(tuple(text(member).split("|")[:2]) for member in members)
    found = [(job_id, int(attempt)) for job_id, attempt in leases]
    unknown = [one for one in found if not _is_known(peers, link, *one)]
    states = ledger.cell.store.commands([("HGET", ledger.keys.job(job_id), "state") for job_id, _ in unknown])
    for (job_id, attempt), state in zip(unknown, states, strict=True):
        # What is assigned is about to be sent; what was sent since the ledger was asked is known by now.
        if text(state) in _RUNNING - {"assigned"} and not _is_known(peers, link, job_id, attempt):
            try:
                said = "The server's storage lost the answer. Please say it again."
                ledger.jobs.requeue(job_id, link.node_id, attempt, "NODE_UNAVAILABLE", said)
            except LedgerError as error:
                _log.info("attempt %s of job %s has ended meanwhile: %s", attempt, job_id, error)


def _is_known(peers: Peers, link: NodeLink, job_id: str, attempt: int) -> bool:
    """Whether the node has it or is about to, or a newer socket of it knows more than this one."""
    return (
        job_id in peers.about_to_send
        or link.holds(job_id, attempt)
        or (job_id, attempt) in link.reported
        or peers.nodes.get(link.node_id) is not link
    )


def _slices(items: Sequence[tuple[str, ...]]) -> Iterator[list[tuple[str, ...]]]:
    rest = iter(items)
    while some := list(islice(rest, _AT_ONCE)):
        yield some
