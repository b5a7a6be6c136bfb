"""Answers of nodes to recordings whose text is known, in the ledger."""

from dataclasses import dataclass
from typing import Final, Literal

from scheduling.ledger.cell import Cell

#: Wrong answers in a row are remembered this long after the last one, ms: large fleets are seldom through.
KEPT_MS: Final = 604_800_000


@dataclass(frozen=True, slots=True)
class CanaryRecord:
    """A node after an answer."""

    wrong: int
    """Wrong answers in a row."""
    proven: int
    """Those of them that are no fault of the recording: some node was right about it since."""


class Canaries:
    """Typed calls of the script of canaries."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._keys = cell.keys

    def note(
        self, node_id: str, job_id: str, verdict: Literal["right", "wrong"], recording_id: str
    ) -> CanaryRecord:
        """Count an answer of a node, once for each job."""
        keys = [self._keys.canary(node_id), self._keys.canary_rights]
        reply = self._cell.call("note_canary", keys, [job_id, verdict, KEPT_MS, recording_id])
        return CanaryRecord(int(reply[1]), int(reply[2]))

    def forget(self, node_id: str) -> None:
        """Let a node begin anew. Raises `StoreError`."""
        self._cell.store.command("DEL", self._keys.canary(node_id))
