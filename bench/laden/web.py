"""The web process of the bare path, which also keeps records, reads by models and tells clients."""

import json
from typing import Any
from uuid import uuid4

import flask_sock
from flask import Flask
from gevent.event import AsyncResult

from bench.bare import web
from bench.bare.link import BareLink
from bench.bare.web import _INSTANCE, _POOL, bare
from bench.laden.records import load
from scheduling.messages import JobResult, parse_client_message, parse_node_message

app = Flask(__name__)
app.config.update(web.app.config)
sock = flask_sock.Sock(app)
app.add_url_rule("/ready", view_func=web.ready)


class LadenLink(BareLink):
    """Asks with each of the bare path's scripts for the records of the same step, in the same write."""

    def __init__(self) -> None:
        super().__init__(bare.redis)
        records = load(bare.redis)
        self._steps = {bare.reserve: records["reserve"], bare.complete: records["complete"]}

    def call(self, *words: Any) -> Any:
        """Ask, and wait for the answer of the bare path's own: the server gives the other one before it."""
        if len(words) > 1 and (records := self._steps.get(words[1])):
            self._calls.append((("EVALSHA", records, 0), AsyncResult()))
        return super().call(*words)


bare.link = LadenLink()


def _finish(node_id: str, message: JobResult) -> Any:
    result = {
        "type": "translation_result", "session_id": message.session_id, "job_id": message.job_id,
        "text_asr": message.text_asr, "text_translated": message.text_translated,
        "tts_audio": message.tts_audio,
    }  # fmt: skip
    entry = f"{_INSTANCE}|{message.session_id}|{json.dumps(result, separators=(',', ':'))}"
    return bare.link.call("EVALSHA", bare.complete, 1, _POOL, message.job_id, node_id, entry)


@sock.route("/ws/node")  # type: ignore[untyped-decorator]  # an untyped package
def node(ws: Any) -> None:
    """Take results of a node; its heartbeats are read and left."""
    node_id = json.loads(ws.receive())["node_id"]
    bare.nodes[node_id] = ws
    bare.link.call("ZADD", _POOL, 0, node_id)
    ws.send(json.dumps({"type": "node_register_ack", "node_id": node_id}, separators=(",", ":")))
    while True:
        message = parse_node_message(ws.receive())
        if isinstance(message, JobResult) and _finish(node_id, message) == 1:
            bare.wake.set()


@sock.route("/ws/session")  # type: ignore[untyped-decorator]  # an untyped package
def session(ws: Any) -> None:
    """Place what a client says, and tell it."""
    json.loads(ws.receive())
    session_id = uuid4().hex[:8]
    bare.clients[session_id] = ws
    ws.send(json.dumps({"type": "session_init_ack", "session_id": session_id}, separators=(",", ":")))
    while True:
        message: Any = parse_client_message(ws.receive())
        job_id = uuid4().hex[:12]
        binding = f"bare:request:{session_id}:{message.utterance_index}"
        _, node_id = bare.link.call("EVALSHA", bare.reserve, 2, _POOL, binding, job_id)
        job = {
            "type": "job_assign", "job_id": job_id, "attempt_id": 1, "session_id": session_id,
            "utterance_index": message.utterance_index, "trace_id": "bare", "audio": message.audio,
        }  # fmt: skip
        bare.nodes[node_id.decode()].send(json.dumps(job, separators=(",", ":")))
        event = {
            "type": "ui_event", "trace_id": "bare", "session_id": session_id, "job_id": job_id,
            "utterance_index": message.utterance_index, "event": "DISPATCHED", "status": "OK",
            "elapsed_ms": 0,
        }  # fmt: skip
        ws.send(json.dumps(event, separators=(",", ":")))
