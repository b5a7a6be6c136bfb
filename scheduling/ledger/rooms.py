"""Rooms in the ledger: who is in one, what its members want to hear, and signals between them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scheduling.ledger.cell import Cell, text
from scheduling.store.base import Part

#: An instance that was not heard for so many times ``presence_ms`` holds no members any more.
_ABSENCES = 5
#: Members looked at by one sweep, beyond those of the last room.
_LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class Member:
    """One session in a room."""

    session_id: str
    display_name: str
    """Empty for none."""
    lang: str
    """Language it wants to hear, folded; empty for none."""
    joined_ms: int
    wants_voice: dict[str, bool]
    """By session: whether it wants to hear that member's own voice. It does where nothing is said."""


class Rooms:
    """Typed calls of the room scripts."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._keys = cell.keys
        self._absent_ms = _ABSENCES * cell.settings.presence_ms

    def create(
        self,
        session_id: str,
        instance: str,
        room_id: str,
        codes: Sequence[str],
        *,
        name: str = "",
        lang: str = "",
    ) -> str:
        """Open a room under the first free code, with the session as its first member; give the code.

        Raises `UnknownSession`, `SessionMoved`, `InRoom` and `NoRoomCode`.
        """
        args: list[Part] = [session_id, instance, room_id, name, lang, *codes]
        return text(self._cell.call("room_create", [self._keys.session(session_id)], args)[1])

    def join(
        self, code: str, session_id: str, instance: str, token: str, *, name: str = "", lang: str = ""
    ) -> None:
        """Enter a room; ``token`` names the wish, so that it may be repeated.

        Raises `UnknownSession`, `SessionMoved`, `NoRoom`, `InRoom`, `RoomFull` and `RoomLanguagesFull`.
        """
        args: list[Part] = [code, session_id, instance, token, name, lang]
        self._cell.call("room_join", [self._keys.room_members(code)], args)

    def leave(self, code: str, session_id: str) -> None:
        """Leave a room; to leave one that the session is not in does nothing."""
        self._cell.call("room_leave", [], [code, session_id])

    def prefer(self, code: str, session_id: str, target: str, *, wanted: bool) -> None:
        """Note whether a member wants to hear another's own voice. Raises `NoRoom`."""
        args: list[Part] = [code, session_id, target, int(wanted)]
        self._cell.call("room_preference", [self._keys.room_members(code)], args)

    def speak(self, code: str, session_id: str) -> list[str]:
        """Note that a member speaks; give the languages the others want to hear. Raises `NoRoom`."""
        reply = self._cell.call("room_speak", [self._keys.room(code)], [code, session_id])
        return sorted(text(lang) for lang in reply[1:])

    def touch(self, memberships: Sequence[tuple[str, str]], instance: str) -> list[bool]:
        """Say which instance holds the sockets of members (code, session), and keep their records alive.

        One round trip; False for a session that is not (or no longer) in such a room.
        """
        asked = [([self._keys.session(session)], [code, session, instance]) for code, session in memberships]
        return [bool(reply[0]) for reply in self._cell.calls("room_touch", asked)]

    def relay(self, code: str, sender: str, to: str, instance: str, token: str, signal: str) -> str:
        """Hand a text frame to another member; give the instance that holds it, empty if it is not wanted.

        The frame for a member of ``instance`` itself is left to the caller.
        """
        args: list[Part] = [code, sender, to, instance, signal]
        reply = self._cell.call("room_relay", [self._keys.session(to), self._keys.relayed(token)], args)
        return text(reply[1]) if reply[0] else ""

    def sweep(self, start: int) -> int:
        """End idle rooms and take out who is gone, a bounded batch of rooms from rank ``start`` on.

        Gives the rank to go on with next time.
        """
        args: list[Part] = [start, _LOOKED_AT, self._absent_ms]
        return int(self._cell.call("room_sweep", [self._keys.rooms], args)[1])

    def look(self, code: str) -> tuple[str, list[Member]]:
        """Give the members of a room as they are now, the first to join first; none if there is no room.

        With the version of the room, which grows with each change and is not newer than the list.
        """
        version, raw = self._cell.store.commands(
            [("HGET", self._keys.room(code), "version"), ("HGETALL", self._keys.room_members(code))]
        )
        pairs = zip(raw[::2], raw[1::2], strict=True)
        found = [_member(text(name), json.loads(value)) for name, value in pairs]
        return text(version), sorted(found, key=lambda member: (member.joined_ms, member.session_id))

    def room_of(self, session_id: str) -> str:
        """Give the code of the room a session is in, empty for none."""
        return text(self._cell.store.command("HGET", self._keys.session(session_id), "room"))


def _member(session_id: str, kept: dict[str, Any]) -> Member:
    return Member(session_id, kept["name"], kept["lang"], int(kept["joined"]), kept["prefs"])
