"""Result codes of the Lua scripts and the errors they become; the only place that knows both.

LedgerError             a script understood the call and declined it
├── CellClosed          the cell has no epoch: flushed, or never opened
├── NodeIdConflict      the node id belongs to another credential
├── UnknownNode         no such node
├── NodeReplaced        another socket holds the node
├── UnknownSession      no such session
├── UnknownJob          no such job, or ended long ago
├── StaleAttempt        the attempt is not the running one; nothing was changed
├── QueueFull           it would wait too long, or as many jobs wait as may
├── NoNode              nobody connected serves the requirement
├── StaleCapabilities   computed from capabilities or pools that are others by now
├── BodyBudgetSpent     audio and speech already take all the bytes they may
├── SessionMoved        another instance owns the session
├── TooManyClasses      its credential has made as many capability classes as it may
├── NoRoom              no such room, or the session is not in it
├── InRoom              the session is in a room already
├── RoomFull            the room has as many members as it may
├── RoomLanguagesFull   its members want as many languages as they may
├── NoRoomCode          none of the proposed codes is free
├── SessionBehind       the session's owner knows more of it than its record: writes were lost
├── OverQuota           its tenant has all that it may
└── SchemaMismatch      the keys have another layout than this version writes
"""

from typing import Any

from scheduling.errors import DispatchError
from scheduling.keys import SCHEMA


class LedgerError(DispatchError):
    """A script understood the call and declined it."""


class CellClosed(LedgerError):
    """The cell has no epoch: it was flushed, or never opened."""


class NodeIdConflict(LedgerError):
    """The node id belongs to another credential."""


class UnknownNode(LedgerError):
    """There is no such node."""


class NodeReplaced(LedgerError):
    """Another socket holds the node."""


class UnknownSession(LedgerError):
    """There is no such session."""


class UnknownJob(LedgerError):
    """There is no such job, or it ended long ago."""


class StaleAttempt(LedgerError):
    """The attempt is not the running one; nothing was changed."""


class QueueFull(LedgerError):
    """The job would wait for too long, or as many jobs wait as may."""

    def __init__(self, wait_ms: int) -> None:
        super().__init__(f"a job would have to wait for {wait_ms} ms")
        self.wait_ms = wait_ms
        """How long the job would be likely to wait for a slot, ms."""


class NoNode(LedgerError):
    """Nobody connected serves the requirement."""


class StaleCapabilities(LedgerError):
    """It was computed from capabilities or pools that are others by now."""


class BodyBudgetSpent(LedgerError):
    """Audio and speech already take all the bytes they may."""


class SessionMoved(LedgerError):
    """Another instance owns the session."""


class TooManyClasses(LedgerError):
    """The credential has made as many capability classes as it may."""


class NoRoom(LedgerError):
    """There is no such room, or the session is not in it."""


class InRoom(LedgerError):
    """The session is in a room already."""

    def __init__(self, room_code: str) -> None:
        super().__init__(f"the session is in room {room_code} already")
        self.room_code = room_code
        """The room it is in."""


class RoomFull(LedgerError):
    """The room has as many members as it may."""


class RoomLanguagesFull(LedgerError):
    """The members of the room want as many languages as they may."""


class NoRoomCode(LedgerError):
    """None of the proposed codes is free."""


class SessionBehind(LedgerError):
    """The session's owner knows more of it than its record: the server lost writes."""


class OverQuota(LedgerError):
    """The tenant has all that it may."""

    def __init__(self, limit: str, retry_after_ms: int) -> None:
        super().__init__(f"the tenant has all that it may: {limit}")
        self.limit = limit
        """Which limit: sessions, waiting, jobs or audio."""
        self.retry_after_ms = retry_after_ms
        """When it may have more, as far as is known, ms."""


class SchemaMismatch(LedgerError):
    """The keys have another layout than this version writes."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"the cell in Redis is used by a version with key layout {found}, this one has layout {SCHEMA}: "
            f"they cannot run side by side. Start the version that the other processes have, or give this "
            f"one a CELL of its own; to change over, stop all others first and delete the cell's keys"
        )
        self.found = found
        """The layout of the keys."""


_ERRORS: dict[int, type[LedgerError]] = {
    -1: CellClosed,
    -2: NodeIdConflict,
    -3: UnknownNode,
    -4: NodeReplaced,
    -5: UnknownSession,
    -6: UnknownJob,
    -7: StaleAttempt,
    -9: NoNode,
    -10: StaleCapabilities,
    -11: BodyBudgetSpent,
    -12: SessionMoved,
    -14: TooManyClasses,
    -15: NoRoom,
    -17: RoomFull,
    -18: RoomLanguagesFull,
    -19: NoRoomCode,
    -20: SessionBehind,
}
_QUEUE_FULL = -8
_SCHEMA_MISMATCH = -13
_IN_ROOM = -16
_OVER_QUOTA = -21


def error_for(script: str, reply: list[Any]) -> LedgerError:
    """Give the error a negative result code stands for."""
    code = reply[0]
    if code == _QUEUE_FULL:
        return QueueFull(int(reply[1]))
    if code == _SCHEMA_MISMATCH:
        return SchemaMismatch(reply[1].decode() if reply[1] else "of before there were any")
    if code == _IN_ROOM:
        return InRoom(reply[1].decode())
    if code == _OVER_QUOTA:
        return OverQuota(reply[1].decode(), int(reply[2]))
    kind = _ERRORS[code]
    return kind(f"{script}: {kind.__doc__}")
