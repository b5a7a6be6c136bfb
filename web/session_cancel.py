"""``utterance_cancel``: nobody wants an utterance any more, whether it is spoken, waits or runs."""

import time

from scheduling.bodies import Bodies
from scheduling.keys import shard_of
from scheduling.ledger import Ledger
from scheduling.ledger.codes import UnknownJob
from scheduling.messages import ErrorCode, MissingResult, UtteranceCancel, dump
from scheduling.results import WITHDRAWN, WITHDRAWN_CODE
from tasks.names import DRAIN, DRAIN_RESULTS
from web.publisher import Publisher
from web.refused import Refused
from web.session_link import SessionLink


class Cancelling:
    """Ends utterances by their clients' wish; one object for all sessions of the process."""

    def __init__(self, ledger: Ledger, bodies: Bodies, publisher: Publisher) -> None:
        self._ledger = ledger
        self._bodies = bodies
        self._publisher = publisher

    def cancel(self, link: SessionLink, message: UtteranceCancel) -> None:
        """End every job of the utterance; their ends are told in their turn, as all are.

        Of the utterance being spoken, what was heard is dropped and its end told at once: it has no turn
        yet. What is said after that is the next utterance. Raises `Refused` for one that is not under way.
        """
        index = message.utterance_index
        with link.placing:
            spoken = index == link.next_index and link.cutter.hears_utterance
            if spoken:
                link.cutter.drop()
                link.next_index += 1
                _tell_cancelled(link, index)
        ended = [self._end(job) for job in link.jobs_of(index)]
        if any(ended):
            shard = shard_of(link.session_id, self._ledger.cell.settings.shards)
            self._publisher.wake(DRAIN_RESULTS, DRAIN, shard)
        elif not spoken:
            raise Refused(
                ErrorCode.INVALID_MESSAGE,
                f"Utterance {index} is not under way: it has ended, or never began. Nothing was cancelled.",
            )

    def _end(self, job_id: str) -> bool:
        """Whether the job ended by this."""
        try:
            ended = self._ledger.jobs.cancel(job_id, WITHDRAWN_CODE, "") == "cancelled"
        except UnknownJob:
            return False
        if ended:
            self._bodies.drop(f"a:{job_id}")
        return ended


def _tell_cancelled(link: SessionLink, index: int) -> None:
    missing = MissingResult(
        session_id=link.session_id,
        utterance_index=index,
        reason=WITHDRAWN,
        created_at_ms=time.time_ns() // 1_000_000,
        trace_id=link.trace_id,
    )
    link.send(dump(missing))
