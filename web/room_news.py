"""Telling members who is in their room: the list as it is now, once for many changes."""

import logging

import gevent

from scheduling.errors import StoreError
from scheduling.ledger import Ledger
from scheduling.messages import dump
from scheduling.rooms import members_message
from web.peers import Peers
from web.session_link import SessionLink
from web.shared_text import SharedText

_log = logging.getLogger(__name__)

#: Lists of one room are so far apart, s, and the more the larger it is: a list goes to each member and names
#: each, so 500 who join at once would make 250,000 of them.
_LEAST_PAUSE_S = 0.05
_PAUSE_PER_MEMBER_S = 0.004


class RoomNews:
    """One greenlet per room at most, and only while there is news."""

    def __init__(self, ledger: Ledger, peers: Peers) -> None:
        self._ledger = ledger
        self._peers = peers
        self._changed: dict[str, bool] = {}
        """Rooms that are looked after, and whether they have changed since the last look."""

    def hint(self, code: str) -> None:
        """Note that a room has changed; its members here are told soon, of all changes together."""
        running = code in self._changed
        self._changed[code] = True
        if not running:
            gevent.spawn(self._tell, code)

    def show(self, link: SessionLink, code: str) -> None:
        """Tell one member at once; it waits for that. Raises `StoreError`."""
        version, members = self._ledger.rooms.look(code)
        link.room_version = version
        link.send(dump(members_message(code, members)))

    def _tell(self, code: str) -> None:
        try:
            while self._changed[code]:
                self._changed[code] = False
                gevent.sleep(_LEAST_PAUSE_S + _PAUSE_PER_MEMBER_S * self._tell_once(code))
        except StoreError as error:
            _log.warning("members of room %s are told of its next change: %s", code, error)
        finally:
            del self._changed[code]

    def _tell_once(self, code: str) -> int:
        """Send the list to the members here that have an older one; give the number of all."""
        version, members = self._ledger.rooms.look(code)
        text = None
        for member in members:
            link = self._peers.sessions.get(member.session_id)
            if link is not None and link.room == code and link.room_version != version:
                text = text or SharedText(dump(members_message(code, members)))
                link.room_version = version
                link.send(text)
        return len(members)
