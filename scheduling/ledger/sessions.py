"""Sessions and their results in the ledger."""

from dataclasses import dataclass

from scheduling.ledger.cell import Cell, text
from scheduling.store.base import Part


@dataclass(frozen=True, slots=True)
class ReadyResult:
    """Client messages of one order number, before its turn."""

    session_id: str
    tgt_lang: str
    order: int
    grouped: bool
    """It has text, so it belongs to an utterance group."""
    speech: str
    """Name of the speech body, empty for none."""
    events: str
    """JSON list of the events sent before it."""
    main: str
    """JSON of the result, or of what stands for it."""


class Sessions:
    """Typed calls of the session scripts."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._keys = cell.keys

    def open(self, session_id: str, instance: str, socket: str, profile: str) -> tuple[str, str]:
        """Make or take over a session; give the epoch and the former instance."""
        reply = self._cell.call("open_session", [self._keys.session(session_id)], [instance, socket, profile])
        return text(reply[1]), text(reply[2])

    def close(self, session_id: str, socket: str) -> bool:
        """Note that the client left; False when another socket holds the session."""
        return bool(self._cell.call("close_session", [self._keys.session(session_id)], [socket])[0])

    def store(self, result: ReadyResult) -> bool:
        """Keep the messages of an order number until its turn; False when it has ended already."""
        keys = self._keys
        reply = self._cell.call(
            "store_result",
            [keys.session(result.session_id), keys.ready(result.session_id, result.tgt_lang)],
            [result.tgt_lang, result.order, int(result.grouped), result.speech, result.events, result.main],
        )
        return bool(reply[0])

    def release(self, session_id: str, tgt_lang: str, most: int = 64) -> tuple[int, bool]:
        """Append the contiguous run to the out stream; give the next number and whether more is ready."""
        keys = self._keys
        args: list[Part] = [session_id, tgt_lang, most]
        reply = self._cell.call(
            "release_results",
            [keys.session(session_id), keys.ready(session_id, tgt_lang), keys.out(session_id)],
            args,
        )
        return int(reply[1]), bool(reply[2])
