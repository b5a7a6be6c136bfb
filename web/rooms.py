"""Rooms as the rest of a web process meets them: put together once, out of their parts."""

from collections.abc import Callable
from typing import Any

from scheduling.ledger import Ledger
from scheduling.messages import Message
from web.limiter import Limiter
from web.peers import Peers
from web.restoring import Restorer
from web.room_desk import RoomDesk
from web.room_news import RoomNews
from web.room_signals import RoomSignals
from web.room_speech import RoomSpeech
from web.room_upkeep import RoomUpkeep
from web.session_link import SessionLink


class Rooms:
    """The rooms of this process's sessions; one object for all of them."""

    def __init__(
        self, ledger: Ledger, peers: Peers, instance: str, restorer: Restorer, limiter: Limiter
    ) -> None:
        news = RoomNews(ledger, peers)
        desk = RoomDesk(ledger, news, peers, instance, restorer, limiter)
        signals = RoomSignals(ledger, peers, instance)
        self.speech = RoomSpeech(ledger)
        self.upkeep = RoomUpkeep(ledger, peers, instance, news.hint)
        self.leave = desk.leave
        self.come_back = desk.come_back
        self.handlers: dict[type[Message], Callable[[SessionLink, Any], None]] = {
            **desk.handlers,
            **signals.handlers,
        }
        """What to do with each message of a client."""
        self.kinds: dict[str, Callable[[dict[str, str]], None]] = {
            "room": lambda fields: news.hint(fields["room"]),
            "room_expired": lambda fields: desk.expired(fields["room"], fields["sessions"].split()),
            "signal": lambda fields: signals.deliver(fields["session"], fields["body"]),
        }
        """What to do with each entry of the inbox."""
