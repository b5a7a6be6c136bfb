"""Sends nodes a recording whose text is known, and takes out of work who does not recognise it."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import gevent

from scheduling.audio import InvalidAudio
from scheduling.audit import Action, note_action
from scheduling.canary import Answer, Judgement, Recording, judge
from scheduling.canary_list import CanaryListError, read_recordings
from scheduling.catalog import Catalog
from scheduling.errors import StoreError
from scheduling.explain import read_job
from scheduling.ledger import CanaryRecord, Ledger
from scheduling.ledger.codes import LedgerError, SchemaMismatch
from scheduling.messages import SessionInit
from web.canary_turns import SERVICES, CanaryTurns
from web.refused import Refused
from web.uploads import Uploads

_log = logging.getLogger(__name__)

#: How often it is looked whether a canary is due, s at most.
_LOOK_S = 5.0
#: How often an answer is looked for, s.
_ANSWER_S = 0.2
#: An answer that was found in time is formatted within this time, s.
_FORMAT_S = 5.0


class Canaries:
    """Canaries of the cell: one process at a time sends one."""

    def __init__(
        self, ledger: Ledger, uploads: Uploads, instance: str, catalog: Callable[[], Catalog]
    ) -> None:
        self._ledger = ledger
        self._uploads = uploads
        self._instance = instance
        self._settings = ledger.cell.settings
        self._turns = CanaryTurns(ledger, catalog)
        self.answers: Counter[str] = Counter(right=0, wrong=0, refused=0)
        """What came back; refused: no node could take it, or it failed by no fault of a node."""
        self.findings: Counter[str] = Counter(quarantined=0, kept=0, spared=0)
        """Nodes found out, by what became of them.

        kept: no other one was right meanwhile; spared: nodes of its trust tier are not taken out.
        """

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
            choice = self._turns.choose(read_recordings(self._settings))
        except CanaryListError as error:
            _log.warning("CANARY_LIST cannot be used: %s", error)
            return
        if choice is None:
            self.answers["refused"] += 1
            return
        recording, node_id = choice
        doubted = self._try(recording, node_id)
        if doubted and (control := self._turns.choose_control(recording, doubted)):
            self._try(*control)

    def _try(self, recording: Recording, node_id: str) -> str:
        """Send a node a recording and judge its answer; give who was wrong while nobody else was right."""
        try:
            audio = recording.file.read_bytes()
            job_id = self._uploads.place_canary(audio, _init(recording), node_id)
        except (OSError, InvalidAudio) as error:
            which = f"{recording.file} of CANARY_LIST" if self._settings.canary_list else "CANARY_FILE"
            _log.warning("%s cannot be used: %s", which, error)
            return ""
        except Refused as refused:
            _log.info("no node takes a canary", extra={"code": str(refused.code)})
            self.answers["refused"] += 1
            return ""
        try:
            node_id, answer = self._wait(job_id)
        finally:
            self._uploads.close(read_job(self._ledger.cell, job_id).session_id)
        return self._take(recording, job_id, node_id, judge(recording.expected, answer))

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

    def _take(self, recording: Recording, job_id: str, node_id: str, judgement: Judgement) -> str:
        """Count an answer, and take the node out of work if it was wrong too often.

        Gives the node that was wrong and not proven wrong, "" for none.
        """
        verdict = judgement.verdict
        if verdict == "nobody" or not node_id:
            self.answers["refused"] += 1
            return ""
        self.answers[verdict] += 1
        record = self._ledger.canaries.note(node_id, job_id, verdict, recording.recording_id)
        if verdict == "right":
            return ""
        about = {"node": node_id, "job": job_id, "reason": judgement.words}
        _log.warning("a canary was answered wrongly, %d in a row", record.wrong, extra=about)
        self._find(recording, node_id, judgement.words, record)
        return "" if record.proven else node_id

    def _find(self, recording: Recording, node_id: str, words: str, record: CanaryRecord) -> None:
        """See what follows from wrong answers."""
        tier = self._turns.tier_of(node_id)
        most = self._settings.most_canary_failures(tier)
        if record.wrong < (most or self._settings.canary_failures):
            return
        warn = partial(_log.warning, extra={"node": node_id, "tier": tier})
        if not most:
            self.findings["spared"] += 1
            warn("the node stays: CANARY_TIER_FAILURES spares its trust tier")
        elif record.proven < most:
            # A wrong setting would else take out the whole fleet, one node after the other.
            self.findings["kept"] += 1
            warn("the node stays: no other one was right meanwhile. See that %s", self._to_check(recording))
        else:
            self.findings["quarantined"] += 1
            answers = "wrong answer" if record.wrong == 1 else "wrong answers in a row"
            of_tier = f" (tier {tier})" if tier else ""
            self._take_out(node_id, f"canary: {words}; {record.wrong} {answers}{of_tier}")

    def _to_check(self, recording: Recording) -> str:
        if self._settings.canary_list:
            return f"{recording.file} says its text in CANARY_LIST"
        return "CANARY_FILE says CANARY_TEXT"

    def _take_out(self, node_id: str, reason: str) -> None:
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


def _init(recording: Recording) -> SessionInit:
    """Give a session that is to a node like any recording over HTTP."""
    return SessionInit(
        client_version="canary",
        platform="server",
        src_lang=recording.source,
        tgt_lang=recording.target,
        pipeline=SERVICES,
    )
