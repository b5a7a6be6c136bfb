"""What a client is told when the ledger lost what it had accepted."""

import time

from scheduling.messages import ErrorCode, ErrorMessage, MissingResult, dump
from web.delivery import acknowledge_close
from web.session_link import SessionLink

_MESSAGE = "The server's storage was lost and this utterance with it. Please say it again."
_REASON = "history_lost"


def tell_history_lost(link: SessionLink) -> None:
    """End everything the session still waits for, each with an error and its `missing_result`."""
    lost, link.running, link.jobs = link.running, {}, {}
    link.sent_id = link.wanted_id = ""  # the record made anew has a stream of its own
    # What was accepted over a former socket is known by number only; its client is told by the epoch.
    for index in sorted(index for index in lost.values() if index is not None):
        details = {"utterance_index": index}
        missing = MissingResult(
            session_id=link.session_id,
            utterance_index=index,
            reason=_REASON,
            created_at_ms=time.time_ns() // 1_000_000,
            trace_id=link.trace_id,
        )
        error = ErrorMessage(code=ErrorCode.SCHEDULER_DEPENDENCY_DOWN, message=_MESSAGE, details=details)
        link.send(dump(error))
        link.send(dump(missing))
    if link.closing:
        acknowledge_close(link)
