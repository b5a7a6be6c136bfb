"""Messages of rooms, where several speakers hear each other, and of their WebRTC signalling."""

from typing import Any, ClassVar, Literal

from scheduling.messages.base import U64, Id, Items, Message, Word
from scheduling.messages.codes import RoomErrorCode
from scheduling.messages.nested import RoomMember


class RoomCreate(Message):
    """Client to server: open a room. ``client_ts`` is its clock in ms."""

    type: Literal["room_create"] = "room_create"
    client_ts: U64
    display_name: Word | None = None
    preferred_lang: Word | None = None


class RoomCreateAck(Message):
    """Server to client: the room's code, 6 digits, to give to others."""

    type: Literal["room_create_ack"] = "room_create_ack"
    room_code: Id
    room_id: Id | None = None


class RoomJoin(Message):
    """Client to server: enter a room."""

    type: Literal["room_join"] = "room_join"
    room_code: Id
    display_name: Word | None = None
    preferred_lang: Word | None = None


class RoomMembers(Message):
    """Server to every client of a room: who is in it now, in no particular order."""

    type: Literal["room_members"] = "room_members"
    room_code: Id
    members: Items[RoomMember]


class RoomLeave(Message):
    """Client to server: leave a room."""

    type: Literal["room_leave"] = "room_leave"
    room_code: Id


class RoomError(Message):
    """Server to client: a room request failed."""

    type: Literal["room_error"] = "room_error"
    code: RoomErrorCode
    message: str | None = None
    retry_after_ms: U64 | None = None


class RoomExpired(Message):
    """Server to client: nobody spoke in the room for long, so it was closed."""

    type: Literal["room_expired"] = "room_expired"
    room_code: Id
    message: str


class RoomRawVoicePreference(Message):
    """Client to server: whether to hear this speaker's own voice beside the translation."""

    type: Literal["room_raw_voice_preference"] = "room_raw_voice_preference"
    room_code: Id
    target_session_id: Id
    receive_raw_voice: bool


class _Signal(Message):
    """WebRTC signalling: relayed to ``to``, which then names the sender. A null body has a meaning."""

    writes_null: ClassVar[bool] = True


class WebrtcOffer(_Signal):
    """A session description offered to another member."""

    type: Literal["webrtc_offer"] = "webrtc_offer"
    room_code: Id
    to: Id
    sdp: Any


class WebrtcAnswer(_Signal):
    """A session description in answer to an offer."""

    type: Literal["webrtc_answer"] = "webrtc_answer"
    room_code: Id
    to: Id
    sdp: Any


class WebrtcIce(_Signal):
    """A candidate address; null ends the list."""

    type: Literal["webrtc_ice"] = "webrtc_ice"
    room_code: Id
    to: Id
    candidate: Any
