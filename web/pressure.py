"""Telling a talker that its jobs wait: slow down first, pause then, and a refusal in the end."""

from scheduling.messages import Backpressure, BackpressureAction, ErrorCode, dump
from web.refused import Refused
from web.session_link import SessionLink, tick_ms

#: How long BUSY and SLOW_DOWN last for a client at least, and the shortest PAUSE, ms.
_SLOW_MS = 500
_PAUSE_MS = 1_000
#: Longest pause asked for at once, ms; what still waits then is told again.
_LONGEST_PAUSE_MS = 5_000


class Pressure:
    """Holds each session to `most` utterances under way; one object for all of them.

    From a half of them on it is asked to slow down, from three quarters to pause: clients that heed it are
    never refused for that. It is asked to slow down as well when an utterance waits half as long as one may:
    the next ones may be refused.
    """

    def __init__(self, most: int, admit_wait_ms: int) -> None:
        self._most = most
        self._long_wait_ms = admit_wait_ms / 2

    def check(self, link: SessionLink) -> None:
        """Raise `Refused` if one more utterance is too many."""
        if link.in_flight >= self._most:
            raise Refused(
                ErrorCode.NODE_OVERLOADED,
                f"{self._most} utterances of this session are under way. Say it again when one has ended.",
                _PAUSE_MS,
            )

    def placed(self, link: SessionLink, wait_ms: int | None) -> None:
        """Tell the talker, if need be, after an utterance was placed; None: it need not wait for a slot."""
        in_flight = link.in_flight
        if 4 * in_flight >= 3 * self._most:
            self._tell(link, BackpressureAction.PAUSE, _PAUSE_MS)
        elif wait_ms is not None and wait_ms > self._long_wait_ms:
            self._tell(link, BackpressureAction.SLOW_DOWN, min(max(wait_ms, _SLOW_MS), _LONGEST_PAUSE_MS))
        elif wait_ms is not None:
            self._tell(link, BackpressureAction.BUSY, _SLOW_MS)
        elif 2 * in_flight >= self._most:
            self._tell(link, BackpressureAction.SLOW_DOWN, _SLOW_MS)

    def refused(self, link: SessionLink, retry_after_ms: int | None) -> None:
        """Tell the talker to pause when an utterance was refused that may be said again later."""
        if retry_after_ms is not None:
            pause_ms = min(max(retry_after_ms, _PAUSE_MS), _LONGEST_PAUSE_MS)
            self._tell(link, BackpressureAction.PAUSE, pause_ms)

    def _tell(self, link: SessionLink, action: BackpressureAction, lasts_ms: int) -> None:
        """Say it once while it lasts."""
        now_ms = tick_ms()
        if now_ms < link.pressed_until_ms and (action is not BackpressureAction.PAUSE or link.paused):
            return
        link.paused = action is BackpressureAction.PAUSE
        link.pressed_until_ms = now_ms + lasts_ms
        link.send(dump(Backpressure(action=action, resume_after_ms=lasts_ms)))
