"""Text frames to messages and back, for each direction of both sockets."""

from collections.abc import Iterator
from typing import Annotated, Any, Generic, TypeAlias, TypeVar, get_args

from pydantic import Field, TypeAdapter, ValidationError

from scheduling.messages import node, resume, rooms, session
from scheduling.messages.base import Message
from scheduling.messages.errors import InvalidMessage
from scheduling.messages.sentence import explain

#: JSON values a frame may hold, counted by their punctuation. Base64 has none of it, and a registration
#: that lists all pairs of 200 languages stays below. Without it 16 MiB of ``[1],`` take 550 MB and 1 s.
MAX_VALUES = 200_000

NodeMessage: TypeAlias = (
    node.NodeRegister
    | node.NodeHeartbeat
    | node.JobAck
    | node.JobStarted
    | node.NodeAsrPartial
    | node.JobResult
    | node.NodeErrorMessage
    | node.NodeDrain
    | node.RequestPairingCode
)
ServerMessageToNode: TypeAlias = (
    node.NodeRegisterAck
    | session.ErrorMessage
    | node.NodeStatusMessage
    | node.JobAssign
    | node.JobCancel
    | node.JobResultAck
    | node.NodeControl
    | node.PairingCode
)
ClientMessage: TypeAlias = (
    session.SessionInit
    | session.AudioChunk
    | session.Utterance
    | session.UtteranceCancel
    | session.ClientHeartbeat
    | session.SessionClose
    | session.TtsStarted
    | session.TtsPlayEnded
    | rooms.RoomCreate
    | rooms.RoomJoin
    | rooms.RoomLeave
    | rooms.RoomRawVoicePreference
    | rooms.WebrtcOffer
    | rooms.WebrtcAnswer
    | rooms.WebrtcIce
)
ServerMessageToClient: TypeAlias = (
    session.SessionInitAck
    | session.TranslationResult
    | session.ClientAsrPartial
    | session.MissingResult
    | session.UiEvent
    | session.ServerHeartbeat
    | session.SessionCloseAck
    | session.ErrorMessage
    | session.Backpressure
    | resume.AudioAck
    | rooms.RoomCreateAck
    | rooms.RoomMembers
    | rooms.RoomError
    | rooms.RoomExpired
    | rooms.WebrtcOffer
    | rooms.WebrtcAnswer
    | rooms.WebrtcIce
)

M = TypeVar("M")


class _Direction(Generic[M]):
    """The messages one kind of peer may send, told apart by their ``type``."""

    def __init__(self, union: Any, sender: str) -> None:
        self._adapter: TypeAdapter[M] = TypeAdapter(Annotated[union, Field(discriminator="type")])
        self._models = {model.model_fields["type"].default: model for model in get_args(union)}
        self._sender = sender

    def parse(self, data: str | bytes) -> M:
        _check_values(data)
        try:
            return self._adapter.validate_json(data)
        except ValidationError as error:
            problem = explain(error, self._models, self._sender)
        # Raised outside the handler: pydantic's error holds the payload, and would be chained to ours.
        raise problem


def _check_values(data: str | bytes) -> None:
    """Refuse a frame that would unfold into very many values, before it does."""
    if len(data) <= MAX_VALUES:
        return
    for count, _ in enumerate(_punctuation(data)):
        if count >= MAX_VALUES:
            raise InvalidMessage(f"The frame holds more than {MAX_VALUES} values. Send a smaller message.")


def _punctuation(data: str | bytes) -> Iterator[int]:
    """Yield where each comma and bracket is. ``find`` skips base64 at memory speed; a loop would not."""
    for mark in (",", "[", "{"):
        needle: Any = mark if isinstance(data, str) else mark.encode()
        at = data.find(needle)
        while at >= 0:
            yield at
            at = data.find(needle, at + 1)


_from_node: _Direction[NodeMessage] = _Direction(NodeMessage, "A node")
_from_client: _Direction[ClientMessage] = _Direction(ClientMessage, "A client")
_to_node: _Direction[ServerMessageToNode] = _Direction(ServerMessageToNode, "The server")
_to_client: _Direction[ServerMessageToClient] = _Direction(ServerMessageToClient, "The server")


def parse_node_message(data: str | bytes) -> NodeMessage:
    """Parse what a node sent. Raises ``InvalidMessage``, ``UnknownType``."""
    return _from_node.parse(data)


def parse_client_message(data: str | bytes) -> ClientMessage:
    """Parse what a client sent. Raises ``InvalidMessage``, ``UnknownType``."""
    return _from_client.parse(data)


def parse_server_message_to_node(data: str | bytes) -> ServerMessageToNode:
    """Parse, in a node agent, what the server sent. Raises ``InvalidMessage``, ``UnknownType``."""
    return _to_node.parse(data)


def parse_server_message_to_client(data: str | bytes) -> ServerMessageToClient:
    """Parse, in a client, what the server sent. Raises ``InvalidMessage``, ``UnknownType``."""
    return _to_client.parse(data)


def dump(message: Message) -> str:
    """Write a message as a text frame; unset members are left out, or null where its class says so."""
    return message.model_dump_json(exclude_none=not message.writes_null)
