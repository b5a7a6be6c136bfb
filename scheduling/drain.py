"""Result fan-out: ended jobs of the outbox become client messages and are released in order."""

import json
import logging
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from scheduling import tracing
from scheduling.bodies import Bodies
from scheduling.dead_audio import settle_audio
from scheduling.jobspec import JobSpec
from scheduling.jobview import JobView
from scheduling.ledger import Ledger, ReadyResult
from scheduling.ledger.cell import text
from scheduling.logs import Sparing
from scheduling.messages import ErrorCode, JobResult, Message, MissingResult, TranslationResult
from scheduling.outbox import Drained, Entry, Outbox
from scheduling.results import (
    WITHDRAWN,
    WITHDRAWN_CODE,
    Outcome,
    for_listeners,
    format_failure,
    format_success,
)
from scheduling.store.base import Parts
from scheduling.wake_marks import WakeMarks

_log = logging.getLogger(__name__)
_told = Sparing(_log)

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
    "room",
    "audio",
    "dead",
    "node",
    "attempt",
)


def drain_shards(
    ledger: Ledger,
    bodies: Bodies,
    shards: Iterable[int],
    *,
    linger_ms: int = 0,
    gather_ms: int = 0,
    most_ms: int | None = None,
) -> Drained:
    """Format and release what these shards hold; ``linger_ms``, ``gather_ms`` and ``most_ms`` as in `Outbox`.

    Everything in it may be done twice: a number that has ended is not stored again.
    """
    store, keys, shards = ledger.cell.store, ledger.keys, list(shards)
    streams = map(keys.results, shards)
    outbox = Outbox(
        store, ledger.cell.settings, *streams, linger_ms=linger_ms, gather_ms=gather_ms, most_ms=most_ms
    )
    marks = WakeMarks(store, [keys.wake(shard) for shard in shards], ledger.cell.settings.wake_ms)
    # Once the marks are gone, a new result wakes a drain of its own.
    return outbox.drain(partial(_fan_out, ledger, bodies, marks), marks.remove)


def _fan_out(ledger: Ledger, bodies: Bodies, marks: WakeMarks, entries: list[Entry]) -> list[Parts]:
    jobs = list(dict.fromkeys(entry.fields["job"] for entry in entries if "job" in entry.fields))
    records = _read_records(ledger, jobs, marks.renewal())
    formatted = (_format(job_id, record) for job_id, record in records.items())
    results = [result for result in formatted if result]
    _release(ledger, results)
    settle_audio(ledger, bodies, records.values())
    retention_ms = ledger.cell.settings.retention_ms
    return [("PEXPIRE", ledger.keys.job(job), retention_ms) for job in jobs]


def _read_records(ledger: Ledger, jobs: Sequence[str], first: Sequence[Parts]) -> dict[str, dict[str, Any]]:
    """Read the jobs' records, in one round trip with other commands before it."""
    reads = [("HMGET", ledger.keys.job(job), *_FIELDS) for job in jobs]
    found = ledger.cell.store.commands([*first, *reads])[len(first) :]
    return {
        job_id: dict(zip(_FIELDS, values, strict=True)) for job_id, values in zip(jobs, found, strict=True)
    }


def _release(ledger: Ledger, results: Sequence[ReadyResult]) -> None:
    """Store each result and release those whose turn has come."""
    stored = ledger.sessions.store_all(results)
    turns = {
        (result.session_id, result.tgt_lang): None
        for result, more in zip(results, stored, strict=True)
        if more
    }
    while turns:
        released = ledger.sessions.release_all(list(turns))
        turns = {turn: None for turn, (_, more) in zip(turns, released, strict=True) if more}


def _format(job_id: str, record: dict[str, Any]) -> ReadyResult | None:
    """Format one job; one that cannot be must neither hold up its shard nor leave a gap in its session."""
    if record["state"] is None:
        _log.error("job %s ended but its record is gone: too little memory, or too few workers", job_id)
        return None
    try:
        if not tracing.on:
            return ready_result(job_id, record)
        parent = JobSpec.parse(text(record["spec"])).result_view().get("traceparent", "")
        with tracing.span("format result", parent, job=job_id, state=text(record["state"])):
            return ready_result(job_id, record)
    except Exception:  # noqa: BLE001  # the log has the trace, the client an error in the result's place
        _log.exception("the result of job %s cannot be formatted; its client is told so", job_id)
        return _ready(record, _failure(_bare_view(job_id, record), ErrorCode.INTERNAL_ERROR))


def ready_result(job_id: str, record: dict[str, Any]) -> ReadyResult:
    """Format an ended job's record (its hash's fields as bytes) for its turn."""
    view = _view(job_id, record)
    if record["state"] != b"done":
        details = _details(record["result"])
        _note_failure(view, record)
        return _ready(record, _failure(view, text(record["code"]), text(record["message"]), details))
    result = JobResult.model_validate_json(record["result"])
    outcome = format_success(view, result, _now_ms(), has_speech=bool(record["speech"]))
    if record["room"]:
        outcome = for_listeners(view, outcome)
    return _ready(record, outcome, text(record["speech"]))


def _note_failure(view: JobView, record: dict[str, Any]) -> None:
    code = text(record["code"])
    if code != WITHDRAWN_CODE:
        _told.info(
            "utterance failed",
            job=view.job_id,
            session=view.session_id,
            trace=view.trace_id,
            code=code,
            node=text(record["node"]),
            attempt=text(record["attempt"]),
        )


def _ready(record: dict[str, Any], outcome: Outcome, speech: str = "") -> ReadyResult:
    main, room = outcome.main, text(record["room"])
    return ReadyResult(
        session_id=text(record["session"]),
        tgt_lang=text(record["tgt"]),
        order=int(record["order"]),
        grouped=outcome.grouped,
        speech=speech if isinstance(main, TranslationResult) else "",
        events=_events(outcome, room),
        main=main.model_dump_json(exclude={"tts_audio"}, exclude_none=True),
        room=room,
    )


def _failure(view: JobView, code: str, message: str = "", details: Any = None) -> Outcome:
    return format_failure(view, code, message, details, _now_ms())


def _details(result: bytes | None) -> Any:
    """Give what a node said about its failure; existing agents may leave out the error altogether."""
    error = json.loads(result).get("error") if result else None
    return error.get("details") if error else None


def _events(outcome: Outcome, room: str) -> str:
    """Give what the speaker is told before the result; in a room it gets nothing else."""
    main = outcome.main
    cancelled = room and isinstance(main, MissingResult) and main.reason == WITHDRAWN
    ends = [each for each in (outcome.error, main if cancelled else None) if each]
    messages: list[Message] = [*outcome.events, *ends]
    return "\n".join(message.model_dump_json(exclude_none=True) for message in messages)


def _bare_view(job_id: str, record: dict[str, Any]) -> JobView:
    """View a job whose spec may be unreadable; its order number stands for the label the client knows."""
    try:
        return _view(job_id, record)
    except (ValueError, TypeError, KeyError):
        session_id, order, tgt_lang = text(record["session"]), int(record["order"]), text(record["tgt"])
        return JobView(job_id, session_id, order, order, "", tgt_lang, "", created_ms=_now_ms())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


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
