"""What a WebSocket path allows its peers."""

from __future__ import annotations

from dataclasses import dataclass

from scheduling.credentials import Role

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """Limits of the connections of one path. Raises ValueError for a limit no connection could live with."""

    #: Longest message a peer may send, in bytes, also after inflating; more is closed with MESSAGE_TOO_BIG.
    max_message_bytes: int = 16 * _MIB

    #: What may wait for a slow peer, in bytes, beyond the one message that passes it; then SLOW_PEER. For a
    #: node this must hold the assignments of all its slots at once.
    max_queue_bytes: int = _MIB

    #: A peer that takes not one byte for this long is dropped.
    write_timeout_s: float = 10.0

    #: How long to wait for the peer's answer to our close frame.
    close_timeout_s: float = 2.0

    #: Accept permessage-deflate when the peer offers it. Off: audio does not compress, and it costs CPU.
    deflate: bool = False

    #: Sub-protocols we speak, in any order; the peer's first that is among them is chosen.
    subprotocols: tuple[str, ...] = ()

    #: What a peer may say per second, in messages and in bytes of them; 0 for any. Beyond it, it is read from
    #: more slowly (web/allowance.py).
    messages_per_s: float = 0.0
    bytes_per_s: float = 0.0
    #: Role of its peers, which the door asks for; None where everybody may enter.
    role: Role | None = None

    #: Let in before the peers of other paths when too many connect at once.
    first: bool = False

    def __post_init__(self) -> None:
        if self.max_message_bytes < 125:
            raise ValueError("max_message_bytes must be at least 125, what a control frame may have")
        if min(self.max_queue_bytes, self.write_timeout_s, self.close_timeout_s) <= 0:
            raise ValueError("limits of a connection must be above 0")
