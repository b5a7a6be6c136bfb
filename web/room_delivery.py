"""Results of a room on their way to its listeners: read, and made a frame, once in each process."""

import logging
from collections import OrderedDict

from gevent.event import Event

from scheduling.bodies import Bodies
from scheduling.delivery import OutEntry
from scheduling.errors import StoreError
from scheduling.ledger import Ledger
from web.shared_text import SharedText

_log = logging.getLogger(__name__)

#: What is kept for listeners that come a little later, bytes; a spoken sentence is some 100 KB.
_KEPT_BYTES = 16 * 2**20


class RoomResults:
    """The messages that entries of out streams refer to, by name."""

    def __init__(self, ledger: Ledger, bodies: Bodies) -> None:
        self._ledger = ledger
        self._bodies = bodies
        self._kept: OrderedDict[str, SharedText] = OrderedDict()
        self._kept_bytes = 0
        self._coming: dict[str, Event] = {}

    def get(self, name: str) -> SharedText | None:
        """Give a message; None when its retention is over. Raises `StoreError`.

        Of those who ask at the same time, one reads and the others wait for it.
        """
        while (coming := self._coming.get(name)) is not None:
            coming.wait()
        if name not in self._kept:
            self._coming[name] = Event()
            try:
                self._read(name)
            finally:
                self._coming.pop(name).set()
        return self._kept.get(name)

    def _read(self, name: str) -> None:
        fields = self._ledger.cell.store.command("HGETALL", self._ledger.keys.room_message(name))
        if not fields:
            _log.warning("a result of a room has lapsed: %s", name)
            return
        entry = OutEntry.parse([b"", fields])
        frames = entry.frames(self._speech(entry.speech) if entry.speech else "")
        self._keep(name, SharedText(frames[-1]))

    def _speech(self, name: str) -> str:
        """Give a spoken translation; without it, the text is sent alone. Its bytes end by their time to live.

        Nobody knows which of the instances reads it last.
        """
        try:
            return self._bodies.get(name) or ""
        except StoreError as error:
            _log.warning("speech of a result of a room cannot be read: %s", error)
            return ""

    def _keep(self, name: str, text: SharedText) -> None:
        """Make room for it by forgetting the oldest; it stays itself, however large it is."""
        self._kept[name] = text
        self._kept_bytes += len(text.payload)
        while self._kept_bytes > _KEPT_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= len(oldest.payload)
