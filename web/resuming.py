"""Sessions that outlive their socket: beginning one, losing its socket, going on over another one."""

import json
import logging
import secrets
from contextlib import suppress
from hashlib import sha256
from typing import Any
from uuid import uuid4

import gevent

from scheduling.errors import StoreError
from scheduling.ledger import Ledger
from scheduling.ledger.sessions import Resumed
from scheduling.messages import AudioAck, Resume, dump
from web.close_codes import CloseCode
from web.delivery import Delivery
from web.peers import Peers
from web.restoring import Restorer
from web.session_link import SessionLink

_log = logging.getLogger(__name__)

_TOKEN_BYTES = 32
#: How often a ledger that does not answer is asked for what a client missed, s.
_AGAIN_S = 0.5
#: Results that a client may have and the ledger has lost; more are not those of this session.
_MOST_AHEAD = 1000


class Resuming:
    """The sessions of this process, seen from the ledger."""

    def __init__(
        self, ledger: Ledger, peers: Peers, delivery: Delivery, instance: str, restorer: Restorer
    ) -> None:
        self._ledger = ledger
        self._peers = peers
        self._delivery = delivery
        self._restorer = restorer
        self._instance = instance

    def begin(self, link: SessionLink) -> dict[str, Any]:
        """Open the link's session, or take over the one its client names.

        Gives what the ack says of it, nothing for a client that does not resume. Raises `OverQuota` and
        `StoreError`.
        """
        asked = link.init.resume
        resumed = self._take_over(link, asked) if asked else None
        if asked and resumed:
            told = _go_on(link, asked, resumed)
            if told["offset"] > resumed.last:
                self._restorer.restore([link])  # or what comes next would have numbers that it knows
            return {**told, **self._terms}
        token = secrets.token_urlsafe(_TOKEN_BYTES) if link.init.resumable or asked else ""
        link.token = _digest(token, link) if token else ""
        link.session_id = self._new_id()
        link.profile = _profile(link)
        link.epoch, _ = self._ledger.sessions.open(
            link.session_id,
            self._instance,
            link.socket,
            link.profile,
            link.token,
            tenant=link.tenant,
            most=link.limits.sessions,
        )
        if not token:
            return {}
        # A wrong token, a session that lapsed and one that never was are answered alike, with a new one.
        lost = asked is not None
        return {
            "resume_token": token, "epoch": link.epoch, "offset": 0, "missed": 0, "audio_seq": 0,
            "utterance_index": 0, "resumed": False, "history_lost": lost, **self._terms,
        }  # fmt: skip

    def catch_up(self, link: SessionLink) -> None:
        """Send what its client missed; hints that came before the link was known are made up for.

        A ledger that does not answer is asked again in the background: the client has its ack already.
        """
        if not link.resumable:
            return
        try:
            self._delivery.look([link])
        except StoreError as error:
            _log.warning("what the client of session %s missed waits: %s", link.session_id, error)
            gevent.spawn(self._catch_up_later, link)

    def _catch_up_later(self, link: SessionLink) -> None:
        while not (link.left or link.connection.closed):
            gevent.sleep(_AGAIN_S)
            with suppress(StoreError):
                self._delivery.look([link])
                return

    def leave(self, link: SessionLink) -> None:
        """Note in the ledger that the socket is gone. Raises `LedgerError` and `StoreError`."""
        taken_over = link.left
        link.left = True  # or what is told to the ledger anew meanwhile would have it here for ever
        if link.ended or not link.resumable:
            self._ledger.sessions.close(link.session_id, link.socket)
        elif not self._detach(link) and not taken_over and self._restorer.bring_back(link):
            self._detach(link)

    def _detach(self, link: SessionLink) -> bool:
        return self._ledger.sessions.detach(link.session_id, link.socket, link.next_index, link.audio_from)

    @property
    def _terms(self) -> dict[str, Any]:
        return {"resume_within_ms": self._ledger.cell.settings.resume_ms}

    def _take_over(self, link: SessionLink, asked: Resume) -> Resumed | None:
        args = (asked.session_id, self._instance, link.socket, _digest(asked.token, link))
        former = self._peers.sessions.get(asked.session_id)
        if former is None:
            return self._ledger.sessions.resume(*args)
        with former.placing:  # what it is placing now is counted, and nothing after that
            resumed = self._ledger.sessions.resume(*args)
            if resumed:
                former.left = True
        if resumed and former.connection is not link.connection:
            hand_over(former)
        return resumed

    def _new_id(self) -> str:
        """Make an id that no session has; eight digits are what existing clients know."""
        while True:
            session_id = f"s-{uuid4().hex[:8].upper()}"
            if not self._ledger.cell.store.command("EXISTS", self._ledger.keys.session(session_id)):
                return session_id


def hand_over(link: SessionLink) -> None:
    """End the socket of a session that another one has taken over."""
    link.left = True
    link.connection.close(CloseCode.REPLACED, "this session was resumed on another connection")


def note_consumed(link: SessionLink, audio_from: tuple[int, int]) -> None:
    """Note, and tell a client that resumes, that audio before this place need not be sent again."""
    is_news = audio_from[0] > link.audio_from[0]
    link.audio_from = audio_from
    if link.resumable and is_news:
        link.send(dump(AudioAck(session_id=link.session_id, seq=audio_from[0])))


def unheard(link: SessionLink, seq: int, data: bytes) -> tuple[bytes, int] | None:
    """Give what is new of a chunk, and at which byte of it that begins; None when it was heard before."""
    first, offset = link.begins_at
    if not link.resumable or seq > first:
        return data, 0
    return (data[offset:], offset) if seq == first else None


def _go_on(link: SessionLink, asked: Resume, resumed: Resumed) -> dict[str, Any]:
    profile = json.loads(resumed.profile)
    link.session_id, link.token, link.epoch = asked.session_id, _digest(asked.token, link), resumed.epoch
    link.profile, link.trace_id = resumed.profile, profile["trace_id"]
    link.paired_node = profile["paired_node"]
    link.preferred_pool, link.language_pair = resumed.preferred_pool, resumed.language_pair
    link.next_index = resumed.next_index
    link.begins_at = link.audio_from = resumed.audio_from
    link.running = dict.fromkeys(resumed.running)
    link.turn, link.given, link.delivered = resumed.turn, dict(resumed.given), dict(resumed.released)
    link.noted_index, link.noted_audio = resumed.next_index, resumed.audio_from
    is_known = asked.epoch == resumed.epoch and asked.offset <= resumed.last + _MOST_AHEAD
    is_kept = is_known and resumed.first_kept <= asked.offset + 1 <= resumed.last + 1
    # A client that is ahead has results which the server lost: it gets none of them twice.
    is_ahead = is_known and asked.offset > resumed.last
    offset = asked.offset if is_kept or is_ahead else resumed.first_kept - 1
    link.sent_id = resumed.entry_id(offset)
    return {
        "resume_token": asked.token, "epoch": resumed.epoch, "offset": offset,
        "missed": max(0, resumed.last - offset), "audio_seq": resumed.audio_from[0],
        "utterance_index": resumed.next_index, "resumed": True, "history_lost": not is_kept,
    }  # fmt: skip


def _profile(link: SessionLink) -> str:
    """Write what the ledger keeps of the session's opening; no secret of the client's is in it."""
    secret = {"type", "pairing_code", "resume", "resumable", "credential"}
    asked = link.init.model_dump(mode="json", exclude_none=True, exclude=secret)
    return json.dumps({**asked, "trace_id": link.trace_id, "paired_node": link.paired_node})


def _digest(token: str, link: SessionLink) -> str:
    """Give what is kept of a token: it serves the same owner's credentials only."""
    return sha256((token + link.identity.fingerprint).encode()).hexdigest()
