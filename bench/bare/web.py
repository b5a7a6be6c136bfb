"""The web process of the bare path: gunicorn with a gevent worker, flask-sock, plain JSON.

Heartbeats show what the usual way costs: read the JSON, one EVALSHA through redis-py, wait for it.
"""

import json
import os
from importlib.resources import files
from typing import Any
from uuid import uuid4

import flask_sock
import gevent
import redis
import simple_websocket
from flask import Flask
from gevent.event import Event
from gevent.lock import RLock

from bench.bare.link import BareLink
from bench.bare.worker import drain


class LockedServer(simple_websocket.Server):  # type: ignore[misc]
    """The package writes from two greenlets without a lock, and only as much as the socket takes at once."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._lock = RLock()
        super().__init__(*args, **options)

    def send(self, data: str) -> None:
        """Send a whole text message."""
        with self._lock:
            self.sock.sendall(self.ws.send(simple_websocket.ws.TextMessage(data=data)))


flask_sock.Server = LockedServer
app = Flask(__name__)
app.config["SOCK_SERVER_OPTIONS"] = {"receive_bytes": 65536}
sock = flask_sock.Sock(app)

_INSTANCE = uuid4().hex[:6]
_POOL = "bare:pool"


def _script(name: str) -> str:
    return files("bench.bare").joinpath(f"{name}.lua").read_text()


class Bare:
    """What all sockets share."""

    def __init__(self) -> None:
        self.redis = redis.Redis.from_url(os.environ["REDIS_URL"], max_connections=64)
        self.reserve, self.complete, self.beat = (
            self.redis.script_load(_script(name)) for name in ("reserve", "complete", "heartbeat")
        )
        self.link = BareLink(self.redis)
        self.nodes: dict[str, Any] = {}
        self.clients: dict[str, Any] = {}
        self.wake = Event()
        gevent.spawn(self._publish)
        gevent.spawn(self._read_inbox)

    def _publish(self) -> None:
        while True:
            self.wake.wait()
            self.wake.clear()
            drain.delay()

    def _read_inbox(self) -> None:
        inbox = f"bare:inbox:{_INSTANCE}"
        while True:
            first: Any = self.redis.blpop(inbox, timeout=1)
            if first is not None:
                self._deliver(first[1])
                entries: Any = self.redis.lpop(inbox, 500)
                for entry in entries or []:
                    self._deliver(entry)

    def _deliver(self, entry: bytes) -> None:
        session_id, _, message = entry.partition(b"|")
        if (client := self.clients.get(session_id.decode())) is not None:
            client.send(message.decode())


bare = Bare()  # gunicorn imports this in its worker, which is patched by then


@sock.route("/ws/node")  # type: ignore[untyped-decorator]
def node(ws: Any) -> None:
    """Take results and heartbeats of a node."""
    node_id = json.loads(ws.receive())["node_id"]
    bare.nodes[node_id] = ws
    bare.link.call("ZADD", _POOL, 0, node_id)
    ws.send(json.dumps({"type": "node_register_ack", "node_id": node_id}, separators=(",", ":")))
    while True:
        message = json.loads(ws.receive())
        if message["type"] == "node_heartbeat":
            cpu = message["resource_usage"]["cpu_percent"]
            status: Any = bare.redis.evalsha(
                bare.beat, 1, f"bare:record:{node_id}", message["timestamp"], cpu
            )
            ws.send(json.dumps({"type": "node_status", "node_id": node_id, "status": status.decode()}))
        elif _finish(node_id, message) == 1:
            bare.wake.set()


def _finish(node_id: str, message: dict[str, Any]) -> Any:
    session_id, job_id = message["session_id"], message["job_id"]
    result = {
        "type": "translation_result", "session_id": session_id, "job_id": job_id,
        "text_asr": message["text_asr"], "text_translated": message["text_translated"],
        "tts_audio": message["tts_audio"],
    }  # fmt: skip
    entry = f"{_INSTANCE}|{session_id}|{json.dumps(result, separators=(',', ':'))}"
    return bare.link.call("EVALSHA", bare.complete, 1, _POOL, job_id, node_id, entry)


@sock.route("/ws/session")  # type: ignore[untyped-decorator]
def session(ws: Any) -> None:
    """Place what a client says."""
    json.loads(ws.receive())
    session_id = uuid4().hex[:8]
    bare.clients[session_id] = ws
    ws.send(json.dumps({"type": "session_init_ack", "session_id": session_id}, separators=(",", ":")))
    while True:
        message = json.loads(ws.receive())
        job_id = uuid4().hex[:12]
        binding = f"bare:request:{session_id}:{message['utterance_index']}"
        _, node_id = bare.link.call("EVALSHA", bare.reserve, 2, _POOL, binding, job_id)
        job = {
            "type": "job_assign", "job_id": job_id, "attempt_id": 1, "session_id": session_id,
            "utterance_index": message["utterance_index"], "trace_id": "bare", "audio": message["audio"],
        }  # fmt: skip
        bare.nodes[node_id.decode()].send(json.dumps(job, separators=(",", ":")))


@app.get("/ready")
def ready() -> str:
    """Say that somebody listens."""
    return "ready\n"
