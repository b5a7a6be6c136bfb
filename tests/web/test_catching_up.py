"""What a client missed, while the ledger does not answer."""

import gevent

from scheduling.store.plain import PlainStore
from tests.faults import Fault, Faults
from tests.web.test_faults_above import Process
from web.restoring import Restorer
from web.resuming import Resuming

_PATIENCE_S = 20.0


def test_a_session_that_was_acknowledged_stays_with_its_socket(store: PlainStore) -> None:
    """The ledger stood still between a session's opening and the look for what its client had missed. The
    error left the socket without its session: all that the client said on it was in vain until it broke.
    """
    process = Process(store, 1)
    process.session.token = "digest"
    assert process.say(0)
    process.answer()
    process.upkeep()
    process.session.sent_id, said = "", process.ends()
    process.faulty.faults = Faults(1, rate=1.0, kinds=(Fault.UNSENT,))
    resuming = Resuming(
        process.ledger, process.peers, process.delivery, "web1", Restorer(process.ledger, "web1")
    )
    resuming.catch_up(process.session)
    process.faulty.calm()
    with gevent.Timeout(_PATIENCE_S):
        while process.ends() == said:
            gevent.sleep(0.02)
    assert process.ends() == [*said, 0]
