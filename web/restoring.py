"""Sessions told to the ledger anew by the process that holds their sockets: it may have lost writes."""

import time
from collections.abc import Sequence

from scheduling.ledger import Ledger
from scheduling.ledger.sessions import Held, Unanswered
from scheduling.messages import ErrorCode, ErrorMessage, MissingResult, dump
from web.session_link import SessionLink

_MESSAGE = "The server's storage was lost and this utterance with it. Please say it again."
_REASON = "history_lost"
#: Sessions told in one round trip.
_AT_ONCE = 64


class Restorer:
    """The sessions of one process."""

    def __init__(self, ledger: Ledger, instance: str) -> None:
        self._ledger = ledger
        self._instance = instance
        self.lost = 0
        """Accepted utterances that the ledger had lost; each was answered with an error."""

    def restore(self, links: Sequence[SessionLink]) -> list[SessionLink]:
        """Bring the ledger up to what is known here, and end what it has lost.

        Where nothing was lost nothing changes. Gives the sessions that are still held here. Raises
        `LedgerError` and `StoreError`; then it is to be done again.
        """
        held: list[SessionLink] = []
        for first in range(0, len(links), _AT_ONCE):
            some = [link for link in links[first : first + _AT_ONCE] if not link.left]
            held += self._tell(some)
        return held

    def bring_back(self, link: SessionLink) -> bool:
        """Tell of a session whose socket was just lost, unless another one has it; its client may come back.

        Raises `LedgerError` and `StoreError`.
        """
        return bool(self._tell([link]))

    def _tell(self, links: Sequence[SessionLink]) -> list[SessionLink]:
        restored = self._ledger.sessions.restore([self._state_of(link) for link in links])
        self.lost += sum(one.lost for one in restored)
        return [link for link, one in zip(links, restored, strict=True) if one.held]

    def _state_of(self, link: SessionLink) -> Held:
        languages = {*link.given, *link.delivered}
        return Held(
            session_id=link.session_id,
            instance=self._instance,
            socket=link.socket,
            turn=link.turn,
            token=link.token,
            profile=link.profile,
            epoch=link.epoch,
            sent=int(link.sent_id.partition("-")[2] or 0),
            next_index=link.noted_index,
            audio_from=link.noted_audio,
            numbers={tgt: (link.given.get(tgt, 0), link.delivered.get(tgt, 0)) for tgt in languages},
            tenant=link.tenant,
            limited=link.limits.sessions > 0,
            running=[_ending(link, tgt, order, index) for (tgt, order), index in link.running.items()],
        )


def _ending(link: SessionLink, tgt: str, order: int, index: int | None) -> Unanswered:
    """Say how an utterance ends that the ledger does not know any more.

    One that was accepted over a former socket is known by its number only: the error alone tells of it.
    """
    details = None if index is None else {"utterance_index": index}
    error = ErrorMessage(code=ErrorCode.SCHEDULER_DEPENDENCY_DOWN, message=_MESSAGE, details=details)
    events = dump(error)
    if index is None:
        return Unanswered(tgt, order, events, "")
    missing = MissingResult(
        session_id=link.session_id,
        utterance_index=index,
        reason=_REASON,
        created_at_ms=time.time_ns() // 1_000_000,
        trace_id=link.trace_id,
    )
    return Unanswered(tgt, order, events, dump(missing))
