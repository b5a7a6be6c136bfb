"""The worker of the bare path, which keeps the records of each result that it carries, and formats it."""

import json
import os
from functools import cache
from typing import Any

from bench.bare import worker
from bench.laden.records import Records, of_environment
from scheduling.store.plain import PlainStore

app = worker.app
_carry = worker._carry


@cache
def _records() -> Records:
    return of_environment(PlainStore(os.environ["REDIS_URL"]))


def _carry_laden(entries: list[bytes]) -> None:
    released, formatted = [], []
    for entry in entries:
        instance, session, order, text = entry.split(b"|", 3)
        result = json.loads(text)
        released.append((session.decode(), result["job_id"], int(order)))
        formatted.append(b"|".join((instance, session, _frames(session.decode(), result))))
    _records().release(released)
    _carry(formatted)


def _frames(session_id: str, result: dict[str, Any]) -> bytes:
    """Give what the protocol has a client be told of a result, a message a line."""
    about = {
        "trace_id": result["trace_id"], "session_id": session_id, "job_id": result["job_id"],
        "utterance_index": result["utterance_index"],
    }  # fmt: skip
    events = [
        {"type": "ui_event", **about, "event": name, "status": "ok", "elapsed_ms": 0}
        for name in ("ASR_FINAL", "NMT_DONE")
    ]
    translation = {
        "type": "translation_result", **about, "text_asr": result["text_asr"],
        "text_translated": result["text_translated"], "tts_audio": result["tts_audio"],
        "tts_format": result["tts_format"], "group_id": "group", "part_index": 0, "scheduler_sent_at_ms": 0,
    }  # fmt: skip
    return "\n".join(json.dumps(each, separators=(",", ":")) for each in (*events, translation)).encode()


worker._carry = _carry_laden
