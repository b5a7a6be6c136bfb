"""What all messages share: strict types, unknown members ignored, numbers with their wire widths."""

from typing import Annotated, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

#: Longest identifier or code accepted, in characters: they become parts of Redis keys.
MAX_ID_LENGTH = 256

#: The integer widths the wire declares. A float, a bool or a value out of range rejects the message.
U16 = Annotated[int, Field(ge=0, le=2**16 - 1)]
U32 = Annotated[int, Field(ge=0, le=2**32 - 1)]
U64 = Annotated[int, Field(ge=0, le=2**64 - 1)]
I64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]

#: Names a node, session, job or room; never empty.
Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]
#: A code, language, version or other short word; may be empty.
Word = Annotated[str, Field(max_length=MAX_ID_LENGTH)]
#: What somebody said, as text or sound: personal, so it never shows in a repr or a log line.
Spoken = Annotated[str, Field(repr=False)]
MaybeSpoken = Annotated[str | None, Field(repr=False)]

T = TypeVar("T")
#: A list, read no further than its first bad entry: each error costs more than the entry that caused it.
Items = Annotated[list[T], Field(fail_fast=True)]


def _null_is_false(value: object) -> object:
    return False if value is None else value


#: A flag that may be absent or null, which both mean false.
Flag = Annotated[bool, BeforeValidator(_null_is_false)]


class WireModel(BaseModel):
    """A JSON object of the protocol: immutable, strictly typed, deaf to unknown members."""

    model_config = ConfigDict(
        extra="ignore",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        serialize_by_alias=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )


class Message(WireModel):
    """A WebSocket text frame. Every subclass pins ``type``, its tag on the wire."""

    #: Whether unset members are written as ``null`` instead of being left out.
    writes_null: ClassVar[bool] = False
