"""What operators do to nodes and jobs, and whom it has to be told."""

import logging
from typing import Literal

from scheduling.explain import read_job, read_node, views
from scheduling.keys import shard_of
from scheduling.ledger import Ledger
from tasks.names import DRAIN, DRAIN_RESULTS
from web.api.errors import ApiError
from web.publisher import Publisher

_log = logging.getLogger(__name__)

#: No code of the protocol means this; clients pass on the sentence of one they do not know.
CANCELLED = "JOB_CANCELLED"

_REASONS = {
    "operator": "drained by an operator",
    "quarantine": "quarantined by an operator",
    "": "brought back by an operator",
}


class Control:
    """Changes to nodes and jobs by an operator's wish."""

    def __init__(self, ledger: Ledger, publisher: Publisher) -> None:
        self._ledger = ledger
        self._publisher = publisher

    def drain(self, node_id: str, by: Literal["operator", "quarantine", ""], reason: str) -> views.Node:
        """Take a node out of new work or, with ``by`` empty, back; its own instance tells it.

        Raises `UnknownNode` and `StoreError`.
        """
        said = reason or _REASONS[by]
        self._ledger.nodes.drain(node_id, by, said)
        verb = {"operator": "drain", "quarantine": "quarantine"}.get(by, "undrain")
        _log.info("operator action", extra={"action": verb, "node": node_id, "reason": reason})
        return read_node(self._ledger.cell, node_id)

    def cancel(self, job_id: str, reason: str) -> views.Job:
        """End a job; its client gets an error and a missing result.

        Raises `UnknownJob`, `StoreError`, and `ApiError` (409) for a job that has ended otherwise.
        """
        said = (
            f"An operator cancelled this utterance: {reason}"
            if reason
            else ("An operator cancelled this utterance.")
        )
        state = self._ledger.jobs.cancel(job_id, CANCELLED, said)
        _log.info("operator action", extra={"action": "cancel", "job": job_id, "reason": reason})
        job = read_job(self._ledger.cell, job_id)
        if state != "cancelled":
            raise ApiError(409, "CONFLICT", f"Job {job_id} has ended already: {state}.")
        # Nobody was waiting for this job's end: the drain is woken now, not when the sweeper comes by.
        shard = shard_of(job.session_id, self._ledger.cell.settings.shards)
        self._publisher.wake(DRAIN_RESULTS, DRAIN, shard)
        return job
