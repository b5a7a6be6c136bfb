"""The inbox of an instance: hints and assignments that scripts and other instances left for it."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import gevent

from scheduling.delivery import OutEntry
from scheduling.errors import StoreError
from scheduling.ledger import Assigned, Handed, Ledger
from scheduling.ledger.cell import text
from scheduling.messages import UiEventName
from scheduling.store.base import Pending, Store
from web.assigning import Assigner
from web.delivery import Delivery
from web.node_link import NodeLink, close_replaced
from web.peers import Peers
from web.resuming import hand_over

_log = logging.getLogger(__name__)

_BATCH = 256
#: How long one read waits for entries, s. Its store is given more time, and nobody else uses it.
BLOCK_S = 5
_PAUSE_S = 0.2
#: Kinds of entries told of in the log, each once.
_MOST_UNKNOWN = 20


class Inbox:
    """Reads the stream, deals with each entry once, deletes it: deletion is the acknowledgement."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        instance: str,
        peers: Peers,
        assigner: Assigner,
        delivery: Delivery,
        room_kinds: Mapping[str, Callable[[dict[str, str]], None]],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._stream = ledger.keys.inbox(instance)
        self._peers = peers
        self._assigner = assigner
        self._delivery = delivery
        self._kinds: dict[str, Callable[[dict[str, str]], None]] = {
            "dispatch": self._dispatch,
            "cancel": self._cancel,
            "status": self._status,
            "close": self._close,
            "event": self._event,
            "out": self._out,
            "outs": self._outs,
            **room_kinds,
            "moved": self._moved,
        }
        self._unknown: set[str] = set()
        self._carried_ms = ledger.cell.settings.dispatch_ms / 2
        """An assignment older than this may have lapsed: whether it stands, its record says."""
        self._repeats = True
        """Whether entries of this read may have been dealt with before."""
        self._deletion: Pending | None = None
        """Of what was dealt with last. It goes out with other calls: nobody waits for its round trip."""

    def run(self) -> None:
        """Read for ever; a store that cannot be reached is tried again."""
        last = "0"
        while True:
            try:
                last = self._read(last)
            except StoreError as error:
                _log.warning("the inbox cannot be read: %s", error)
                last = "0"  # what was not deleted is still there; doing it twice does no harm
                gevent.sleep(_PAUSE_S)

    def _read(self, last: str) -> str:
        self._repeats = last == "0"
        reply = self._store.command(
            "XREAD", "COUNT", _BATCH, "BLOCK", BLOCK_S * 1000, "STREAMS", self._stream, last
        )
        if self._deletion:
            deletion, self._deletion = self._deletion, None
            deletion.wait()
        if not reply:
            return last
        entries = reply[0][1]
        for _, raw in entries:
            self._deal_with({text(k): text(v) for k, v in zip(raw[::2], raw[1::2], strict=True)})
        ids = [entry_id for entry_id, _ in entries]
        self._deletion = self._ledger.cell.store.submit_command("XDEL", self._stream, *ids)
        return text(ids[-1])

    def _deal_with(self, fields: dict[str, str]) -> None:
        kind = fields.get("kind", "")
        if kind and kind not in self._kinds:
            self._note_unknown(kind)
            return
        try:
            self._kinds[kind](fields)
        except (KeyError, ValueError, TypeError):  # it must not keep those behind it from being read
            _log.exception("inbox entry %.200r is broken", fields)

    def _note_unknown(self, kind: str) -> None:
        """Say once of each kind that it is skipped: a newer version may write it while a deploy lasts."""
        if kind not in self._unknown and len(self._unknown) < _MOST_UNKNOWN:
            self._unknown.add(kind)
            _log.warning("inbox entries of kind %.40r are skipped: this version does not know them", kind)

    def _dispatch(self, fields: dict[str, str]) -> None:
        if self._has_all(fields):
            self._assigner.send_handed(_carried(fields), fields["node"])
        else:
            assigned = Assigned(fields["job"], int(fields["attempt"]))
            gevent.spawn(self._assigner.send_stored, assigned, fields["node"])

    def _has_all(self, fields: dict[str, str]) -> bool:
        """Whether an attempt can be sent without a look at its record.

        It must be young, by our clock and that of Redis: where they differ it is not believed to be.
        """
        if "data" not in fields or self._repeats or fields["node"] not in self._peers.nodes:
            return False
        return abs(time.time_ns() // 1_000_000 - int(fields["created_ms"])) < self._carried_ms

    def _cancel(self, fields: dict[str, str]) -> None:
        if link := self._peers.nodes.get(fields["node"]):
            link.send_cancel(fields["job"], int(fields["attempt"]), fields["reason"])

    def _status(self, fields: dict[str, str]) -> None:
        if link := self._peers.nodes.get(fields["node"]):
            gevent.spawn(self._tell_status, link)

    def _tell_status(self, link: NodeLink) -> None:
        key = self._ledger.keys.node(link.node_id)
        try:
            found = self._ledger.cell.store.command(
                "HMGET", key, "socket", "status", "status_seq", "status_reason"
            )
        except StoreError as error:
            _log.warning("node %s learns of its status with its next heartbeat: %s", link.node_id, error)
            return
        if found[0] is not None and text(found[0]) == link.socket:
            link.send_status(text(found[1]), int(found[2]), text(found[3]))

    def _close(self, fields: dict[str, str]) -> None:
        link = self._peers.nodes.get(fields["node"])
        if link is not None and link.socket == fields["socket"]:
            close_replaced(link)

    def _event(self, fields: dict[str, str]) -> None:
        if link := self._peers.sessions.get(fields["session"]):
            for message in json.loads(fields["body"]):
                say = link.offer if _is_partial(message) else link.send
                say(json.dumps(message, ensure_ascii=False))

    def _out(self, fields: dict[str, str]) -> None:
        if link := self._peers.sessions.get(fields["session"]):
            if "main" in fields:
                self._delivery.take(link, OutEntry.read(fields["until"], fields))
            else:
                self._delivery.hint(link, fields["until"], fields.get("speech", ""))

    def _outs(self, fields: dict[str, str]) -> None:
        words = fields["sessions"].split()
        for session_id, until in zip(words[::2], words[1::2], strict=True):
            self._out({"session": session_id, "until": until})

    def _moved(self, fields: dict[str, str]) -> None:
        link = self._peers.sessions.get(fields["session"])
        if link is not None and link.socket == fields["socket"]:
            hand_over(link)


def _carried(fields: Mapping[str, str]) -> Handed:
    """Read an assignment that has all with it that it takes to send it."""
    return Handed(
        fields["job"],
        int(fields["attempt"]),
        fields["spec"],
        use_semantic=fields["semantic"] == "1",
        tried=fields["tried"],
        created_ms=int(fields["created_ms"]),
        audio=fields["audio"],
        data=fields["data"],
        session_here=False,
    )


def _is_partial(message: dict[str, Any]) -> bool:
    """Whether it is said again, and more, in a moment."""
    return message["type"] == "asr_partial" or message.get("event") == UiEventName.ASR_PARTIAL
