"""WebRTC signalling between members of a room, wherever their sockets are."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from scheduling.ledger import Ledger
from scheduling.messages import ErrorCode, ErrorMessage, Message, WebrtcAnswer, WebrtcIce, WebrtcOffer, dump
from web.peers import Peers
from web.session_link import SessionLink

Handlers = dict[type[Message], Callable[[SessionLink, Any], None]]

_KINDS = (WebrtcOffer, WebrtcAnswer, WebrtcIce)


class RoomSignals:
    """Hands signals on; what is not for a member, or not wanted by it, is dropped without a word."""

    def __init__(self, ledger: Ledger, peers: Peers, instance: str) -> None:
        self._ledger = ledger
        self._peers = peers
        self._instance = instance
        self._most_bytes = ledger.cell.settings.signal_bytes
        self.handlers: Handlers = dict.fromkeys(_KINDS, self._relay)
        """What to do with each message of a client."""

    def deliver(self, session_id: str, signal: str) -> None:
        """Send a signal to a member whose socket is here."""
        if link := self._peers.sessions.get(session_id):
            link.send(signal)

    def _relay(self, link: SessionLink, message: Any) -> None:
        """Hand it on as the sender's: ``to`` says to the other whom to answer. Raises `StoreError`."""
        signal = dump(message.model_copy(update={"to": link.session_id}))
        size = len(signal.encode())
        if size > self._most_bytes:
            told = f"{message.type} has {size} bytes. Send {self._most_bytes} at most."
            link.send(dump(ErrorMessage(code=ErrorCode.INVALID_MESSAGE, message=told)))
            return
        token = uuid4().hex
        code, to = message.room_code, message.to
        holder = self._ledger.rooms.relay(code, link.session_id, to, self._instance, token, signal)
        if holder == self._instance:
            self.deliver(to, signal)
