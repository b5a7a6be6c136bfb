"""Dead letters in the ledger: jobs that took their nodes with them; scripts that fail a job write them."""

from scheduling.ledger.cell import Cell


class Dead:
    """Typed calls of the scripts that change dead letters."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._keys = cell.keys

    def drop(self, job_id: str) -> None:
        """Forget a dead letter, if there is one; its audio is the caller's to drop, before."""
        self._cell.call("drop_dead", [self._keys.dead, self._keys.dead_letter(job_id)], [job_id])

    def note_replay(self, job_id: str, replay: str) -> bool:
        """Note the job that a dead letter was placed as again; False when it is gone by now."""
        reply = self._cell.call("note_replay", [self._keys.dead_letter(job_id)], [replay])
        return bool(reply[0])
