"""The web process of the bare path, which also keeps records, reads by models and tells clients."""

import json
import os
from typing import Any
from uuid import uuid4

from flask import Flask

from bench.bare import web
from bench.bare.web import _INSTANCE, bare
from bench.laden.records import of_environment
from scheduling.messages import JobResult, parse_client_message, parse_node_message
from scheduling.store.batched import BatchedStore
from web.socket_routes import Sockets

app = Flask(__name__)
sock = Sockets(app)
app.add_url_rule("/ready", view_func=web.ready)
store = BatchedStore(os.environ["REDIS_URL"])
records = of_environment(store)
orders: dict[str, int] = {}


def _deliver(entry: bytes) -> None:
    session_id, _, frames = entry.partition(b"|")
    if (client := bare.clients.get(session_id.decode())) is not None:
        for frame in frames.decode().split("\n"):
            client.send(frame)


# Its import has made it, with the greenlet that reads the inbox: a second reader beside it would take half.
bare._deliver = _deliver  # type: ignore[method-assign]


def _finish(node_id: str, message: JobResult, text: str) -> None:
    """Put a result into the bare path's outbox and end its job, in one write."""
    job_id = message.job_id
    entry = f"{_INSTANCE}|{message.session_id}|{orders.pop(job_id)}|{text}"
    store.submit_command("RPUSH", "bare:outbox", entry)
    first = store.submit_command("SET", "bare:awake", "1", "NX", "EX", "5")
    records.complete(node_id, job_id, message.tts_audio or "")
    if first.wait():
        bare.wake.set()


@sock.route("/ws/node")
def node(ws: Any) -> None:
    """Take results of a node; its heartbeats are read and left."""
    node_id = json.loads(ws.receive())["node_id"]
    bare.nodes[node_id] = ws
    records.register(node_id)
    ws.send(json.dumps({"type": "node_register_ack", "node_id": node_id}, separators=(",", ":")))
    while True:
        text = ws.receive()
        message = parse_node_message(text)
        if isinstance(message, JobResult):
            _finish(node_id, message, text)


@sock.route("/ws/session")
def session(ws: Any) -> None:
    """Place what a client says, and tell it."""
    json.loads(ws.receive())
    session_id = uuid4().hex[:8]
    bare.clients[session_id] = ws
    records.open(session_id)
    ws.send(json.dumps({"type": "session_init_ack", "session_id": session_id}, separators=(",", ":")))
    while True:
        message: Any = parse_client_message(ws.receive())
        index, job_id = message.utterance_index, uuid4().hex
        node_id, orders[job_id] = records.reserve(session_id, index, job_id, message.audio)
        job = {
            "type": "job_assign", "job_id": job_id, "attempt_id": 1, "session_id": session_id,
            "utterance_index": index, "trace_id": "bare", "audio": message.audio,
        }  # fmt: skip
        bare.nodes[node_id].send(json.dumps(job, separators=(",", ":")))
        event = {
            "type": "ui_event", "trace_id": "bare", "session_id": session_id, "job_id": job_id,
            "utterance_index": index, "event": "DISPATCHED", "status": "ok", "elapsed_ms": 0,
        }  # fmt: skip
        ws.send(json.dumps(event, separators=(",", ":")))
