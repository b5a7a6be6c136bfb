"""Translated speech that a client plays: while it does, its silence says nothing."""

import logging

from scheduling.errors import StoreError
from scheduling.ledger import Ledger
from scheduling.messages import TtsPlayEnded, TtsStarted
from web.session_link import SessionLink, tick_ms

_log = logging.getLogger(__name__)


class Playback:
    """Steers pauses and utterance groups by what clients say they play; one object for all sessions."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._hold_ms = ledger.cell.settings.play_hold_ms

    def started(self, link: SessionLink, _message: TtsStarted) -> None:
        """Let no pause cut while speech is played, though not for ever: its end may never be told."""
        now_ms = tick_ms()
        link.cutter.suspend_pauses(now_ms, now_ms + self._hold_ms)

    def ended(self, link: SessionLink, message: TtsPlayEnded) -> None:
        """Count silence, and the window of the group, from now."""
        now_ms = tick_ms()
        link.cutter.suspend_pauses(now_ms, now_ms)
        link.conversation.played(message.group_id, now_ms)
        try:
            self._ledger.sessions.played(link.session_id, message.group_id, message.ts_end_ms)
        except StoreError as error:
            _log.warning("the end of a play of session %s is not noted: %s", link.session_id, error)
