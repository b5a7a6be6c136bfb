"""Result fan-out: ended jobs of one outbox shard become client messages and are released in order."""

import json
import logging
import time
from dataclasses import dataclass
from typing import Any

from scheduling.jobspec import JobSpec
from scheduling.jobview import JobView
from scheduling.ledger import Ledger, ReadyResult
from scheduling.ledger.cell import text
from scheduling.messages import JobResult, Message, TranslationResult
from scheduling.outbox import Entry, Outbox
from scheduling.pooling import consumer_name
from scheduling.results import Outcome, format_failure, format_success

_log = logging.getLogger(__name__)

_FIELDS = (
    "session",
    "order",
    "tgt",
    "state",
    "code",
    "message",
    "spec",
    "created_ms",
    "dispatched_ms",
    "result",
    "speech",
)


@dataclass(frozen=True, slots=True)
class Drained:
    """What one drain did."""

    results: int
    more: bool
    """There may be more: time or the number ran out."""


def drain_shard(ledger: Ledger, shard: int) -> Drained:
    """Format and release what a shard holds, for at most ``drain_ms`` or ``drain_items``.

    Everything in it may be done twice: a number that has ended is not stored again.
    """
    cell, settings = ledger.cell, ledger.cell.settings
    outbox = Outbox(cell.store, cell.keys.results(shard), consumer_name(), settings.claim_ms)
    until_s = time.monotonic() + settings.drain_ms / 1000
    count = 0
    while count < settings.drain_items and time.monotonic() < until_s:
        entries = outbox.claim(settings.drain_items - count)
        if not entries:
            # From here on a new result wakes a drain of its own; one that came just before is seen now.
            cell.store.command("DEL", cell.keys.wake(shard))
            entries = outbox.claim(settings.drain_items - count)
        if not entries:
            return Drained(count, more=False)
        _fan_out(ledger, entries)
        outbox.done(entries)
        count += len(entries)
    return Drained(count, more=True)


def _fan_out(ledger: Ledger, entries: list[Entry]) -> None:
    keys = ledger.keys
    jobs = [entry.fields["job"] for entry in entries]
    records = ledger.cell.store.commands([("HMGET", keys.job(job), *_FIELDS) for job in jobs])
    touched: dict[tuple[str, str], None] = {}
    for job_id, values in zip(jobs, records, strict=True):
        record = dict(zip(_FIELDS, values, strict=True))
        if record["state"] is None:
            _log.error(
                "job %s ended but its record is gone; raise RETENTION_MS or the number of workers", job_id
            )
            continue
        result = ready_result(job_id, record)
        ledger.sessions.store(result)
        touched[result.session_id, result.tgt_lang] = None
    for session_id, tgt_lang in touched:
        more = True
        while more:
            _, more = ledger.sessions.release(session_id, tgt_lang)
    retention_ms = ledger.cell.settings.retention_ms
    ledger.cell.store.commands([("PEXPIRE", keys.job(job), retention_ms) for job in jobs])


def ready_result(job_id: str, record: dict[str, Any]) -> ReadyResult:
    """Format an ended job's record (its hash's fields as bytes) for its turn."""
    view = _view(job_id, record)
    now_ms = time.time_ns() // 1_000_000
    if record["state"] == b"done":
        result = JobResult.model_validate_json(record["result"])
        outcome = format_success(view, result, now_ms, has_speech=bool(record["speech"]))
    else:
        details = json.loads(record["result"])["error"].get("details") if record["result"] else None
        outcome = format_failure(view, text(record["code"]), text(record["message"]), details, now_ms)
    main = outcome.main
    speech = text(record["speech"]) if isinstance(main, TranslationResult) else ""
    return ReadyResult(
        session_id=view.session_id,
        tgt_lang=text(record["tgt"]),
        order=view.order,
        grouped=outcome.grouped,
        speech=speech,
        events=_events(outcome),
        main=main.model_dump_json(exclude={"tts_audio"}, exclude_none=True),
    )


def _events(outcome: Outcome) -> str:
    messages: list[Message] = [*outcome.events, *([outcome.error] if outcome.error else [])]
    return json.dumps([message.model_dump(mode="json", exclude_none=True) for message in messages])


def _view(job_id: str, record: dict[str, Any]) -> JobView:
    spec = JobSpec.parse(text(record["spec"])).result_view()
    return JobView(
        job_id=job_id,
        session_id=spec["session_id"],
        utterance_index=spec["utterance_index"],
        order=int(record["order"]),
        src_lang=spec["src_lang"],
        tgt_lang=spec["tgt_lang"],
        trace_id=spec["trace_id"],
        created_ms=int(record["created_ms"]),
        dispatched_ms=int(record["dispatched_ms"]) if record["dispatched_ms"] else None,
        client_timestamp_ms=spec.get("client_timestamp_ms"),
    )
