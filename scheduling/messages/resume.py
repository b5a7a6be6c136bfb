"""What clients that can resume add to the session protocol; others never see any of it."""

from typing import Annotated, Literal

from pydantic import Field

from scheduling.messages.base import U64, Id, Message, WireModel, Word

#: Whoever shows it gets the session's results, so it never shows in a repr or a log line.
Secret = Annotated[str, Field(max_length=256, repr=False)]
MaybeSecret = Annotated[str | None, Field(max_length=256, repr=False)]


class Resume(WireModel):
    """Where a client that lost its socket stands: its session, and the last ``offset`` it has of its results.

    ``token`` and ``epoch`` are those of its last ``session_init_ack``; ``offset`` 0 for no result yet.
    """

    session_id: Id
    token: Secret
    epoch: Word
    offset: U64


class AudioAck(Message):
    """Server to client: every chunk below ``seq`` became part of an utterance and need not be sent again."""

    type: Literal["audio_ack"] = "audio_ack"
    session_id: Id
    seq: U64
