"""Why the server ends a WebSocket: every close code it sends, when, and what the peer should do then.

The names 1000 to 1015 are RFC 6455's and IANA's; 4000 and up are ours. A code says only *why*; the close
reason beside it is one English sentence for whoever reads the peer's log.
"""

from __future__ import annotations

from enum import IntEnum


class Reconnect(IntEnum):
    """What a peer should do about its connection after a close."""

    NO = 0
    """Do not come back by yourself: the next try would end the same way, or nothing is left to do."""
    WITH_JITTER = 1
    """Come back after a random pause that grows with each failure."""
    AS_TOLD = 2
    """Come back after the number of seconds the close reason names ("come back in N s")."""


class CloseCode(IntEnum):
    """A close code the server sends, or reports when none was received."""

    reconnect: Reconnect

    def __new__(cls, value: int, reconnect: Reconnect) -> CloseCode:
        """Make a member that knows what its receiver should do."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.reconnect = reconnect
        return member

    NORMAL = (1000, Reconnect.NO)
    """When: the conversation is over, by the peer's wish or because its handler has finished.
    Peer: nothing.
    """

    GOING_AWAY = (1001, Reconnect.WITH_JITTER)
    """When: sent by peers that leave; the server itself says RESTART.
    Peer: reconnect when it needs us.
    """

    PROTOCOL_ERROR = (1002, Reconnect.NO)
    """When: a frame broke RFC 6455 (unmasked, reserved bits, bad length).
    Peer: a bug of its own; report it.
    """

    UNSUPPORTED_DATA = (1003, Reconnect.NO)
    """When: a kind of message this path never takes.
    Peer: send JSON text.
    """

    NO_STATUS = (1005, Reconnect.WITH_JITTER)
    """Never sent. Reported when the peer closed without naming a code."""

    ABNORMAL = (1006, Reconnect.WITH_JITTER)
    """Never sent. Reported when the TCP connection ended without a close frame."""

    INVALID_TEXT = (1007, Reconnect.NO)
    """When: a text message was not UTF-8, or a compressed one did not inflate.
    Peer: a bug of its own; report it.
    """

    POLICY_VIOLATION = (1008, Reconnect.NO)
    """When: the peer may not be here (credential refused, forbidden origin).
    Peer: get a credential first.
    """

    MESSAGE_TOO_BIG = (1009, Reconnect.NO)
    """When: a message passed the path's limit, also after inflating.
    Peer: send smaller pieces, not the same.
    """

    INTERNAL_ERROR = (1011, Reconnect.WITH_JITTER)
    """When: our handler failed; the log has the trace.
    Peer: reconnect after a pause, and resume.
    """

    RESTART = (1012, Reconnect.AS_TOLD)
    """When: this process restarts or is replaced.
    Peer: reconnect after the seconds named, and resume.
    """

    TRY_AGAIN_LATER = (1013, Reconnect.AS_TOLD)
    """When: this process has no room or cannot reach its store.
    Peer: reconnect after the seconds named.
    """

    SLOW_PEER = (4000, Reconnect.WITH_JITTER)
    """When: the peer reads more slowly than we must send; what waited for it is dropped.
    Peer: read faster or ask for less; reconnect and resume.
    """

    REPLACED = (4001, Reconnect.NO)
    """When: another connection has taken over this node or session id.
    Peer: stop, the newer one serves.
    """

    SILENT_PEER = (4002, Reconnect.WITH_JITTER)
    """When: no frame and no pong came for two ping intervals.
    Peer: it most likely never reads this; reconnect.
    """

    IDLE = (4004, Reconnect.NO)
    """When: a client sent nothing at all, not even heartbeats, for a long time.
    Peer: open a session again when somebody speaks.
    """

    REGISTRATION_REQUIRED = (4003, Reconnect.WITH_JITTER)
    """When: a node or client sent no opening message in due time.
    Peer: reconnect and register first.
    """
