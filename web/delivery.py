"""Sending released results to clients: reads the session's out stream from where it stands."""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import gevent

from scheduling import tracing
from scheduling.bodies import Bodies
from scheduling.delivery import OutEntry, follows, precedes
from scheduling.errors import StoreError
from scheduling.ledger import Ledger
from scheduling.ledger.cell import text
from scheduling.messages import SessionCloseAck, dump
from scheduling.store.stats import Histogram
from web.close_codes import CloseCode
from web.room_delivery import RoomResults
from web.session_link import SessionLink, tick_ms

_log = logging.getLogger(__name__)

_BATCH = 64


class Delivery:
    """One greenlet per session at most, and only while there is something to send."""

    def __init__(
        self,
        ledger: Ledger,
        bodies: Bodies,
        rooms: RoomResults,
        on_idle: Callable[[SessionLink], None],
        first_audio: Histogram,
    ) -> None:
        self._ledger = ledger
        self._bodies = bodies
        self._rooms = rooms
        self._on_idle = on_idle
        self._first_audio = first_audio

    def hint(self, link: SessionLink, until: str, speech: str = "", first: OutEntry | None = None) -> None:
        """Note that the out stream goes on to entry ``until``; what was sent already is dropped.

        ``speech`` names the body of its speech, which is then fetched at the same time. ``first`` is the
        entry to be sent next, where it is known.
        """
        if not precedes(until, link.wanted_id):
            link.wanted_id = until
        if not link.delivering and not precedes(link.wanted_id, link.sent_id):
            link.delivering = True
            link.fetched = None
            if speech:
                with suppress(StoreError):  # then it is asked for again
                    link.fetched = speech, self._bodies.fetch(speech)
            gevent.spawn(self._deliver, link, first)

    def take(self, link: SessionLink, entry: OutEntry) -> None:
        """Send an entry of the out stream that came whole; one that has to wait is read from there."""
        behind = link.resumable and link.connection.queued_bytes > 0
        if link.delivering or behind or _is_over(link) or not follows(entry.entry_id, link.sent_id):
            self.hint(link, entry.entry_id, entry.speech)
            return
        speech = self._bodies.at_hand.take(entry.speech) if entry.speech else ""
        if speech is None:
            self.hint(link, entry.entry_id, entry.speech, entry)
            return
        try:
            self._send(link, entry, speech)
        except StoreError:  # nothing of it is sent
            self.hint(link, entry.entry_id)
            return
        self._on_idle(link)

    def resume_stalled(self, links: Iterable[SessionLink]) -> None:
        """Go on with the sessions whose delivery the store broke off."""
        for link in links:
            self.hint(link, link.wanted_id)

    def look_again(self, links: Iterable[SessionLink]) -> None:
        """Look after sessions that wait for the same since the last time: a hint of its end may be lost."""
        idle = [link for link in links if not link.delivering]
        first = {link.socket: next(iter(link.running), None) for link in idle}
        still = [link for link in idle if link.running and first[link.socket] == link.seen_running]
        # Who listens in a room waits for the others, always.
        self.look(still + [link for link in idle if link.room and not link.running])
        for link in idle:
            link.seen_running = first[link.socket]

    def look(self, links: Sequence[SessionLink]) -> None:
        """Send what the sessions' streams hold, hinted or not. Raises `StoreError`."""
        names = [self._ledger.keys.session(link.session_id) for link in links]
        asked = [("HMGET", name, "created_ms", "out_seq") for name in names]
        for link, (created, last) in zip(links, self._ledger.cell.store.commands(asked), strict=True):
            if last is not None:
                self.hint(link, f"{text(created)}-{text(last)}")

    def _deliver(self, link: SessionLink, first: OutEntry | None) -> None:
        try:
            while not (_is_over(link) or precedes(link.wanted_id, link.sent_id)):
                entries = [first] if first else self._next(link)
                first = None
                for entry in entries:
                    if _is_over(link):
                        break
                    self._send(link, entry)
                    if link.resumable:
                        link.connection.flush()  # all that was missed may be more than is queued for a peer
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

    def _send(self, link: SessionLink, entry: OutEntry, speech: str = "") -> None:
        """Send an entry; its speech is fetched where it is not given. Raises `StoreError` before it sends."""
        if entry.order >= 0:
            link.delivered[entry.tgt_lang] = entry.order + 1
        if told_before := next((job for job in link.unheard if entry.is_about(job)), None):
            link.unheard.discard(told_before)
            link.sent_id = entry.entry_id
            return
        if entry.ref:
            if message := self._rooms.get(entry.ref):
                link.send(message.with_member("offset", entry.number) if link.resumable else message)
            link.sent_id = entry.entry_id
            return
        if entry.speech:
            speech = speech or self._speech(link, entry.speech)
        if speech:
            self._give_back(link, entry.speech)
        for frame in entry.frames(speech, with_offset=link.resumable):
            link.send(frame)
        if entry.group:
            said = entry.recognised()
            link.conversation.released(entry.tgt_lang, entry.group, entry.part, said, tick_ms())
        ended_ms = link.spoken_until_ms.pop((entry.tgt_lang, entry.order), None)
        if speech and ended_ms is not None:
            self._first_audio.add((tick_ms() - ended_ms) / 1000)
        if tracing.on:
            parent = link.traceparents.pop((entry.tgt_lang, entry.order), "")
            tracing.mark("send to client", parent, session=link.session_id)
        link.running.pop((entry.tgt_lang, entry.order), None)
        link.jobs.pop((entry.tgt_lang, entry.order), None)
        link.sent_id = entry.entry_id

    def _speech(self, link: SessionLink, name: str) -> str:
        """Give a spoken translation; without it, the text is sent alone."""
        fetched, link.fetched = link.fetched, None
        try:
            if fetched and fetched[0] == name:
                speech = fetched[1].wait()
            else:
                speech = self._bodies.get(name)
        except StoreError as error:
            _log.warning("speech of a result of session %s cannot be read: %s", link.session_id, error)
            return ""
        if speech is None:
            _log.warning("speech of a result of session %s has lapsed", link.session_id)
            return ""
        return speech

    def _give_back(self, link: SessionLink, name: str) -> None:
        """Free the bytes of a speech: nobody reads it but a client that comes back and asks once more."""
        if link.resumable:
            self._bodies.drop(name, self._ledger.cell.settings.resume_ms)
        else:
            self._bodies.forget(name)


def _is_over(link: SessionLink) -> bool:
    """Whether what is sent now would not come to the client that it is kept for."""
    return link.left or (link.resumable and link.connection.closed)


def acknowledge_close(link: SessionLink) -> None:
    """Say goodbye to a client that closed its session and has been sent everything."""
    link.ended = True
    link.send(dump(SessionCloseAck(session_id=link.session_id)))
    link.connection.close(CloseCode.NORMAL, "session closed")
