"""Sessions told to the ledger anew while their sockets are lost."""

import pytest

from scheduling.store.plain import PlainStore
from tests.web.test_faults_above import Process
from web.restoring import Restorer
from web.resuming import Resuming


@pytest.mark.parametrize("flushed", [False, True])
def test_a_session_whose_socket_was_just_lost_is_not_told_to_be_here(
    store: PlainStore, flushed: bool
) -> None:
    """Between the look for who is here and the telling one hung up, and its record said for an hour that it
    was here. One that the ledger had forgotten could not be resumed either.
    """
    process = Process(store, 1)
    link, ledger = process.session, process.ledger
    link.token, record = "digest", ledger.keys.session(link.session_id)
    restorer = Restorer(ledger, "web1")
    here = [link]
    if flushed:
        store.command("DEL", record)
    Resuming(ledger, process.peers, process.delivery, "web1", restorer).leave(link)
    assert restorer.restore(here) == []
    assert store.command("HMGET", record, "owner", "socket") == [b"", b"client"]
    assert (store.command("HGET", record, "token") == b"digest") is flushed, "made anew it has one"
    assert restorer.lost == 0


def test_a_session_that_another_socket_has_taken_over_is_not_brought_back(store: PlainStore) -> None:
    """It may have ended there since."""
    process = Process(store, 1)
    link, record = process.session, process.ledger.keys.session(process.session.session_id)
    link.token, link.left = "digest", True
    store.command("DEL", record)
    restorer = Restorer(process.ledger, "web1")
    Resuming(process.ledger, process.peers, process.delivery, "web1", restorer).leave(link)
    assert store.command("EXISTS", record) == 0
