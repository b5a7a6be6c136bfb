"""What operators do with dead letters: read them, place them again, drop them."""

import logging

from scheduling.bodies import Bodies
from scheduling.errors import StoreError
from scheduling.explain import dead_page, read_dead, views
from scheduling.jobspec import JobSpec
from scheduling.ledger import Ledger
from scheduling.ledger.cell import text
from scheduling.ledger.codes import LedgerError
from web.api.errors import ApiError
from web.api.upload_routes import api_error
from web.placing import store_down
from web.refused import Refused
from web.uploads import Uploads

_log = logging.getLogger(__name__)

#: Tenants beyond those that can be told apart share this name (``lua/include/fair.lua``).
_SHARED_TENANT = "~"


class DeadLetters:
    """The dead letters of the cell."""

    def __init__(self, ledger: Ledger, bodies: Bodies, uploads: Uploads) -> None:
        self._ledger = ledger
        self._bodies = bodies
        self._uploads = uploads

    def page(self, limit: int, cursor: str) -> views.DeadPage:
        """Give them, the newest first. Raises `BadCursor` and `StoreError`."""
        return dead_page(self._ledger.cell, self._bodies, limit, cursor)

    def read(self, job_id: str) -> views.DeadLetter:
        """Read one. Raises `ApiError` (404) and `StoreError`."""
        letter = read_dead(self._ledger.cell, self._bodies, job_id)
        if letter is None:
            raise ApiError(
                404, "NOT_FOUND", f"There is no dead letter {job_id[:64]}: it was dropped, or is too old."
            )
        return letter

    def replay(self, job_id: str) -> views.Replayed:
        """Place one again, as a recording: its session has ended. Raises `ApiError` and `StoreError`."""
        letter = self.read(job_id)
        name, spec = self._stored(job_id)
        audio = self._bodies.get(name)
        if not audio:
            raise ApiError(409, "CONFLICT", "Its audio was not kept. Have it spoken again, or drop it.")
        if letter.tenant == _SHARED_TENANT:
            raise ApiError(409, "CONFLICT", "It is not known whose it was, so nobody may hear it. Drop it.")
        try:
            replay = self._uploads.replay(JobSpec.parse(spec), audio, letter.tenant or "")
        except Refused as refused:
            raise api_error(refused) from refused
        except (LedgerError, StoreError) as error:
            raise api_error(store_down(error)) from error
        self._ledger.dead.note_replay(job_id, replay)
        _log.info("operator action", extra={"action": "replay a dead letter", "job": job_id})
        return views.Replayed(job_id=job_id, replay=replay, result=f"/api/v1/utterances/{replay}")

    def drop(self, job_id: str) -> views.DeadLetter:
        """Forget one with its audio; give what it was. Raises `ApiError` (404) and `StoreError`."""
        letter = self.read(job_id)
        name, _ = self._stored(job_id)
        self._bodies.drop(name).wait()  # first, or nobody would know of it
        self._ledger.dead.drop(job_id)
        _log.info("operator action", extra={"action": "drop a dead letter", "job": job_id})
        return letter

    def _stored(self, job_id: str) -> tuple[str, str]:
        """Give the name of its audio, and what it asked for."""
        entry = self._ledger.keys.dead_letter(job_id)
        audio, spec = self._ledger.cell.store.command("HMGET", entry, "audio", "spec")
        return text(audio), text(spec)
