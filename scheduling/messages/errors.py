"""What a frame that is not a message of the protocol raises.

* InvalidMessage
  * UnknownType
"""

from typing import ClassVar

from scheduling.messages.codes import ErrorCode


class InvalidMessage(Exception):
    """A frame broke the protocol. The connection can go on.

    ``message`` is a sentence for the peer: the member, what was expected, and what to do. It never
    holds what the peer sent, which may be somebody's speech. ``tag`` is the frame's type, if it had one.
    """

    code: ClassVar[ErrorCode] = ErrorCode.INVALID_MESSAGE

    def __init__(self, message: str, tag: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.tag = tag


class UnknownType(InvalidMessage):
    """The frame's ``type`` is none that this peer may send. ``tag`` is cut to 40 characters."""

    tag: str
