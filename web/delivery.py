"""Sending released results to clients: reads the session's out stream from where it stands."""

import logging
from collections.abc import Callable, Iterable

import gevent

from scheduling.bodies import Bodies
from scheduling.delivery import OutEntry, precedes
from scheduling.errors import StoreError
from scheduling.ledger import Ledger
from scheduling.messages import SessionCloseAck, dump
from web.close_codes import CloseCode
from web.room_delivery import RoomResults
from web.session_link import SessionLink, tick_ms

_log = logging.getLogger(__name__)

_BATCH = 64


class Delivery:
    """One greenlet per session at most, and only while there is something to send."""

    def __init__(
        self, ledger: Ledger, bodies: Bodies, rooms: RoomResults, on_idle: Callable[[SessionLink], None]
    ) -> None:
        self._ledger = ledger
        self._bodies = bodies
        self._rooms = rooms
        self._on_idle = on_idle

    def hint(self, link: SessionLink, until: str) -> None:
        """Note that the out stream goes on to entry ``until``; what was sent already is dropped."""
        if not precedes(until, link.wanted_id):
            link.wanted_id = until
        if not link.delivering and not precedes(link.wanted_id, link.sent_id):
            link.delivering = True
            gevent.spawn(self._deliver, link)

    def resume_stalled(self, links: Iterable[SessionLink]) -> None:
        """Go on with the sessions whose delivery the store broke off."""
        for link in links:
            self.hint(link, link.wanted_id)

    def _deliver(self, link: SessionLink) -> None:
        try:
            while not precedes(link.wanted_id, link.sent_id):
                entries = self._next(link)
                for entry in entries:
                    self._send(link, entry)
                if not entries:
                    link.sent_id = link.wanted_id  # lapsed: its retention is over
        except StoreError as error:
            _log.warning("results of session %s wait: %s", link.session_id, error)
        finally:
            link.delivering = False
        self._on_idle(link)

    def _next(self, link: SessionLink) -> list[OutEntry]:
        start = f"({link.sent_id}" if link.sent_id else "-"
        stream = self._ledger.keys.out(link.session_id)
        raw = self._ledger.cell.store.command("XRANGE", stream, start, "+", "COUNT", _BATCH)
        return [OutEntry.parse(item) for item in raw]

    def _send(self, link: SessionLink, entry: OutEntry) -> None:
        if told_before := next((job for job in link.unheard if entry.is_about(job)), None):
            link.unheard.discard(told_before)
            link.sent_id = entry.entry_id
            return
        if entry.ref:
            if message := self._rooms.get(entry.ref):
                link.send(message)
            link.sent_id = entry.entry_id
            return
        for frame in entry.frames(self._speech(link, entry.speech) if entry.speech else ""):
            link.send(frame)
        if entry.group:
            text = entry.recognised()
            link.conversation.released(entry.tgt_lang, entry.group, entry.part, text, tick_ms())
        link.running.pop((entry.tgt_lang, entry.order), None)
        link.jobs.pop((entry.tgt_lang, entry.order), None)
        link.sent_id = entry.entry_id

    def _speech(self, link: SessionLink, name: str) -> str:
        """Give a spoken translation and free its bytes; without it, the text is sent alone."""
        try:
            speech = self._bodies.get(name)
        except StoreError as error:
            _log.warning("speech of a result of session %s cannot be read: %s", link.session_id, error)
            return ""
        if speech is None:
            _log.warning("speech of a result of session %s has lapsed", link.session_id)
            return ""
        self._bodies.drop(name)  # nobody else reads it: a session has one socket and is not resumed yet
        return speech


def acknowledge_close(link: SessionLink) -> None:
    """Say goodbye to a client that closed its session and has been sent everything."""
    link.send(dump(SessionCloseAck(session_id=link.session_id)))
    link.connection.close(CloseCode.NORMAL, "session closed")
