"""What a web process does for rooms now and then: says whom it holds, ends what is over."""

import time
from collections.abc import Callable, Iterable

from scheduling.ledger import Ledger
from scheduling.messages import RoomError, RoomErrorCode, dump
from web.peers import Peers
from web.session_link import SessionLink

#: How often a member's presence is noted, s: how long it takes to notice that a room was lost.
_TOUCH_S = 20.0
#: Members noted in one round trip.
_AT_ONCE = 200


class RoomUpkeep:
    """Part of each sweep."""

    def __init__(self, ledger: Ledger, peers: Peers, instance: str, look_at: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._peers = peers
        self._instance = instance
        self._look_at = look_at
        self._looked_s: dict[str, float] = {}
        self._next_room = 0

    def mind(self, *, for_all: bool) -> None:
        """Note the members held here; with ``for_all``, also end rooms of the cell that are over.

        Raises `StoreError`.
        """
        self._touch()
        if for_all:
            self._next_room = self._ledger.rooms.sweep(self._next_room)

    def _touch(self) -> None:
        now_s = time.monotonic()
        due = [
            link
            for link in self._peers.sessions.values()
            if link.room and now_s - link.room_touched_s >= _TOUCH_S
        ][:_AT_ONCE]
        if not due:
            return
        rooms = [link.room for link in due]
        held = self._ledger.rooms.touch(
            [(code, link.session_id) for code, link in zip(rooms, due, strict=True)], self._instance
        )
        for link, code, is_member in zip(due, rooms, held, strict=True):
            link.room_touched_s = now_s
            if not is_member and link.room == code:
                _tell_gone(link)
        self._look_again({link.room for link in due if link.room}, now_s)

    def _look_again(self, rooms: Iterable[str], now_s: float) -> None:
        """See whether the members of rooms know who is in them: the hint of a change may be lost."""
        self._looked_s = {code: at for code, at in self._looked_s.items() if now_s - at < _TOUCH_S}
        for code in rooms:
            if code not in self._looked_s:
                self._looked_s[code] = now_s
                self._look_at(code)


def _tell_gone(link: SessionLink) -> None:
    message = f"The server lost room {link.room}. Join it again, or open a new one."
    link.room = ""
    link.send(dump(RoomError(code=RoomErrorCode.ROOM_NOT_FOUND, message=message)))
