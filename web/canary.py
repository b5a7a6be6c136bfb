"""Sends nodes a recording whose text is known, and takes out of work who does not recognise it."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import gevent

from scheduling.audio import InvalidAudio
from scheduling.audit import Action, note_action
from scheduling.canary import Answer, Expected, Judgement, judge, next_node
from scheduling.catalog import Catalog
from scheduling.errors import StoreError
from scheduling.explain import read_job
from scheduling.ledger import CanaryRecord, Ledger
from scheduling.ledger.canaries import KEPT_MS
from scheduling.ledger.cell import text
from scheduling.ledger.codes import LedgerError, SchemaMismatch
from scheduling.messages import PipelineConfig, SessionInit
from scheduling.requirement import requirement_for
from web.refused import Refused
from web.uploads import Uploads

_log = logging.getLogger(__name__)

#: How often it is looked whether a canary is due, s at most.
_LOOK_S = 5.0
#: How often an answer is looked for, s.
_ANSWER_S = 0.2
#: An answer that was found in time is formatted within this time, s.
_FORMAT_S = 5.0
#: Nodes of a pool among which the next one is chosen.
_MOST_NODES = 10_000
_SERVICES = PipelineConfig(use_asr=True, use_nmt=True, use_tts=True)


class Canaries:
    """Canaries of the cell: one process at a time sends one."""

    def __init__(
        self, ledger: Ledger, uploads: Uploads, instance: str, catalog: Callable[[], Catalog]
    ) -> None:
        self._ledger = ledger
        self._uploads = uploads
        self._instance = instance
        self._catalog = catalog
        self._settings = settings = ledger.cell.settings
        self._expected = Expected(settings.canary_text, settings.canary_translation, settings.canary_likeness)
        self.answers: Counter[str] = Counter(right=0, wrong=0, refused=0)
        """What came back; refused: no node could take it, or it failed by no fault of a node."""
        self.findings: Counter[str] = Counter(quarantined=0, kept=0)
        """Nodes found out, by what became of them; kept: no other one was right meanwhile."""

    def run(self) -> None:
        """Send canaries for ever. Raises `SchemaMismatch`."""
        period_s = self._settings.canary_s
        while True:
            gevent.sleep(min(_LOOK_S, period_s / 4))
            try:
                if self._is_due(period_s):
                    self._send()
            except SchemaMismatch:
                raise
            except (StoreError, LedgerError) as error:
                _log.warning("a canary was lost: %s", error)

    def _is_due(self, period_s: float) -> bool:
        """Whether this process is the one to send the next canary."""
        mark = self._ledger.keys.once("canary")
        wait_ms = max(1, round(period_s * 1000))
        store = self._ledger.cell.store
        return store.command("SET", mark, self._instance, "NX", "PX", wait_ms) is not None

    def _send(self) -> None:
        try:
            audio = Path(self._settings.canary_file).read_bytes()
            node_id = self._next_node()
            job_id = self._uploads.place_canary(audio, self._init(), node_id) if node_id else ""
        except (OSError, InvalidAudio) as error:
            _log.warning("CANARY_FILE cannot be used: %s", error)
            return
        except Refused as refused:
            _log.info("no node takes a canary", extra={"code": str(refused.code)})
            job_id = ""
        if not job_id:
            self.answers["refused"] += 1
            return
        try:
            node_id, answer = self._wait(job_id)
        finally:
            self._uploads.close(read_job(self._ledger.cell, job_id).session_id)
        self._take(job_id, node_id, judge(self._expected, answer))

    def _init(self) -> SessionInit:
        """Give a session that is to a node like any recording over HTTP."""
        return SessionInit(
            client_version="canary",
            platform="server",
            src_lang=self._settings.canary_from,
            tgt_lang=self._settings.canary_to,
            pipeline=_SERVICES,
        )

    def _next_node(self) -> str:
        """Give the node whose turn it is among those that have a free slot, "" for none."""
        catalog, store, keys = self._catalog(), self._ledger.cell.store, self._ledger.keys
        requirement = requirement_for(
            self._settings.canary_from, self._settings.canary_to, _SERVICES, known=catalog.heard
        )
        pools = catalog.pools_for(requirement)
        last, *found = store.commands(
            [("GET", keys.canary_turn)] + [("ZRANGE", keys.pool(pool), 0, _MOST_NODES - 1) for pool in pools]
        )
        node_id = next_node(list({text(name) for names in found for name in names}), text(last))
        if node_id:
            store.command("SET", keys.canary_turn, node_id, "PX", KEPT_MS)
        return node_id

    def _wait(self, job_id: str) -> tuple[str, Answer]:
        """Wait until the job has ended; give the node that had it last, and what it said."""
        until_s = time.monotonic() + self._settings.utterance_ms / 1000 + _FORMAT_S
        while not (state := self._uploads.read(job_id)).ended and time.monotonic() < until_s:
            gevent.sleep(_ANSWER_S)
        job = read_job(self._ledger.cell, job_id)
        ended = job.state if state.ended else "unknown"
        said = state.result
        heard, translated = (said.text_asr or "", said.text_translated or "") if said else ("", "")
        return job.node or "", Answer(ended, job.code or "", heard, translated)

    def _take(self, job_id: str, node_id: str, judgement: Judgement) -> None:
        """Count an answer, and take the node out of work if it was wrong too often."""
        verdict = judgement.verdict
        if verdict == "nobody" or not node_id:
            self.answers["refused"] += 1
            return
        self.answers[verdict] += 1
        record = self._ledger.canaries.note(node_id, job_id, verdict)
        if verdict == "right":
            return
        about = {"node": node_id, "job": job_id, "reason": judgement.words}
        _log.warning("a canary was answered wrongly, %d in a row", record.wrong, extra=about)
        if record.wrong >= self._settings.canary_failures:
            self._take_out(node_id, judgement.words, record)

    def _take_out(self, node_id: str, words: str, record: CanaryRecord) -> None:
        self.findings["quarantined" if record.proven else "kept"] += 1
        if not record.proven:
            # A wrong setting would else take out the whole fleet, one node after the other.
            _log.warning(
                "the node stays: no other one was right meanwhile. See that CANARY_FILE says CANARY_TEXT",
                extra={"node": node_id},
            )
            return
        answers = "wrong answer" if record.wrong == 1 else "wrong answers in a row"
        reason = f"canary: {words}; {record.wrong} {answers}"
        self._ledger.nodes.drain(node_id, "quarantine", reason)
        # Brought back, it begins anew.
        self._ledger.canaries.forget(node_id)
        _log.warning("canary action", extra={"action": "quarantine", "node": node_id, "reason": reason})
        action = Action(
            who="canary",
            address="",
            instance=self._instance,
            action="node.quarantine",
            target=node_id,
            reason=reason,
            status=200,
        )
        note_action(self._ledger.cell, action)
