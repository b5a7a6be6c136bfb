"""Utterances whose reservation got no answer: their clients were told an error, so they must end unheard.

The script may have run all the same (its reply was lost), or run yet (the server was paused with the call
in its buffer). So the ledger is asked once it answers again, and a job found there is cancelled.
"""

import logging

import gevent

from scheduling.errors import StoreError
from scheduling.ledger import Ledger, Reservation
from scheduling.ledger.codes import UnknownJob
from web.session_link import SessionLink

_log = logging.getLogger(__name__)

#: When to look, s after the store was silent; a call in a buffer is run before many others are answered.
_LOOKS_S = (0.1, 0.5, 1, 2, 4, 8, 15, 30)
#: So many looks that are answered with "no such job" settle it.
_ENOUGH = 3


class Doubt:
    """Ends what may or may not have been accepted."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def settle_later(self, session: SessionLink, reservation: Reservation) -> None:
        """Leave the job's end out of what the client is sent; look for it in the background and end it."""
        session.unheard.add(reservation.job_id)
        gevent.spawn(self._settle, session, reservation)

    def _settle(self, session: SessionLink, reservation: Reservation) -> None:
        answered = 0
        for pause_s in _LOOKS_S:
            gevent.sleep(pause_s)
            try:
                if self._end(reservation.job_id):
                    return
            except StoreError:
                continue
            answered += 1
            if answered == _ENOUGH:
                session.unheard.discard(reservation.job_id)
                return
        _log.warning("whether job %s was accepted is not known; its client was told no", reservation.job_id)

    def _end(self, job_id: str) -> bool:
        """Cancel the job; False when there is none."""
        try:
            self._ledger.jobs.cancel(job_id, "SCHEDULER_DEPENDENCY_DOWN", "")
        except UnknownJob:
            return False
        return True
