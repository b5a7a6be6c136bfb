"""Sessions and their results in the ledger."""

from collections.abc import Sequence
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
    room: str = ""
    """Code of the room whose members get it instead of the speaker, empty for none."""


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

    def played(self, session_id: str, group_id: str, ended_ms: int) -> bool:
        """Count the group's window from now; False for a session that is gone.

        `ended_ms` is the client's clock and tells one play from another.
        """
        return bool(self._cell.call("note_play", [self._keys.session(session_id)], [group_id, ended_ms])[0])

    def store(self, result: ReadyResult) -> bool:
        """Keep the messages of an order number until its turn; False when it has ended already."""
        return bool(self._cell.call("store_result", *self._to_store(result))[0])

    def store_all(self, results: Sequence[ReadyResult]) -> list[bool]:
        """Do the same for several, in one round trip."""
        replies = self._cell.calls("store_result", [self._to_store(result) for result in results])
        return [bool(reply[0]) for reply in replies]

    def release(self, session_id: str, tgt_lang: str, most: int = 64) -> tuple[int, bool]:
        """Append the contiguous run to the out stream; give the next number and whether more is ready."""
        reply = self._cell.call("release_results", *self._to_release(session_id, tgt_lang, most))
        return int(reply[1]), bool(reply[2])

    def release_all(self, turns: Sequence[tuple[str, str]], most: int = 64) -> list[tuple[int, bool]]:
        """Do the same for several pairs of session and target language, in one round trip."""
        replies = self._cell.calls("release_results", [self._to_release(*turn, most) for turn in turns])
        return [(int(reply[1]), bool(reply[2])) for reply in replies]

    def _to_store(self, result: ReadyResult) -> tuple[list[Part], list[Part]]:
        ready = self._keys.ready(result.session_id, result.tgt_lang)
        return (
            [self._keys.session(result.session_id), ready],
            [
                result.tgt_lang, result.order, int(result.grouped), result.speech, result.events, result.main,
                result.room,
            ],
        )  # fmt: skip

    def _to_release(self, session_id: str, tgt_lang: str, most: int) -> tuple[list[Part], list[Part]]:
        keys: list[Part] = [self._keys.session(session_id), self._keys.ready(session_id, tgt_lang)]
        return keys, [session_id, tgt_lang, most]
