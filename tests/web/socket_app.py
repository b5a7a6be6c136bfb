"""Routes that do to a connection what its tests need; run under gunicorn by `tests.web.socket_server`."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import gevent
from flask import Flask, got_request_exception
from gevent.event import Event

from web.close_codes import CloseCode
from web.connection import Connection, ConnectionClosed, ConnectionOptions
from web.gate import Gate
from web.keepalive import Keepalive
from web.socket_routes import Sockets

MIB = 1024 * 1024

app = Flask(__name__)
gate = Gate(float(os.environ.get("GATE_PER_S", "10000")), int(os.environ.get("GATE_BURST", "10000")))
sockets = Sockets(app, keepalive=Keepalive(float(os.environ.get("PING_INTERVAL_S", "20"))), gate=gate)

reported: list[str] = []
got_request_exception.connect(lambda _, exception: reported.append(repr(exception)), weak=False)

let_read = Event()


@sockets.route("/echo")
def echo(connection: Connection) -> None:
    """Send everything back."""
    while True:
        connection.send(connection.receive() or "")


@sockets.route("/node", ConnectionOptions(first=True))
def node(connection: Connection) -> None:
    """Send everything back, on a path whose peers are let in first."""
    echo(connection)


@sockets.route("/compressed", ConnectionOptions(deflate=True, max_message_bytes=MIB))
def compressed(connection: Connection) -> None:
    """Send everything back, compressed for who wants that."""
    echo(connection)


@sockets.route("/count")
def count(connection: Connection) -> None:
    """Read everything, and say at the end of each burst ("end") how many bytes that was."""
    total = 0
    while (message := connection.receive()) != "end":
        total += len(message or "")
    connection.send(str(total))


@sockets.route("/deaf")
def deaf(connection: Connection) -> None:
    """Read nothing until told."""
    connection.send("not listening")
    let_read.wait()
    count(connection)


@sockets.route("/large/<int:messages>/<int:size>")
def large(connection: Connection, messages: int, size: int) -> None:
    """Send large messages, each when the one before is on its way."""
    for number in range(messages):
        connection.send(chr(ord("a") + number % 26) * size)
        connection.flush()


@sockets.route("/two-senders/<int:messages>", ConnectionOptions(max_queue_bytes=16 * MIB))
def two_senders(connection: Connection, messages: int) -> None:
    """Send from two greenlets while this one answers pings and pings too; ends on the first message."""

    def send_all(letter: str) -> None:
        for number in range(messages):
            connection.send(letter * (number * 97 % 30_000))
            if number % 7 == 0:
                connection.keep_alive(time.monotonic(), 1000.0)
            gevent.sleep(0)

    senders = [gevent.spawn(send_all, letter) for letter in "xy"]
    connection.receive()
    gevent.joinall(senders, raise_error=True)


@sockets.route("/flood")
def flood(connection: Connection) -> None:
    """Send without looking whether anybody reads."""
    while True:
        connection.send("x" * 100_000)


@sockets.route("/failing")
def failing(connection: Connection) -> None:
    """Fail at the first message."""
    connection.receive()
    raise RuntimeError("handler failed")


@sockets.route("/meddling")
def meddling(connection: Connection) -> None:
    """Fail because another connection has ended."""
    raise ConnectionClosed(connection.receive())


@app.get("/close-all")
def close_all() -> dict[str, int]:
    """Close every connection, from the greenlet of this request."""
    return {"closed": sockets.registry.close_all(CloseCode.RESTART, lambda _: "come back in 2 s")}


@app.get("/let-read")
def begin_reading() -> dict[str, int]:
    """Let the deaf read."""
    let_read.set()
    return {}


@app.get("/refuse")
def refuse() -> dict[str, int]:
    """Let nobody in any more."""
    sockets.registry.refuse(7.0)
    return {}


@app.get("/stats")
def stats() -> dict[str, Any]:
    """Say what this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "rss_bytes": pages * os.sysconf("SC_PAGE_SIZE"),
        "fds": len(list(Path("/proc/self/fd").iterdir())),
        "threads": len(list(Path("/proc/self/task").iterdir())),
        "python_threads": threading.active_count(),
        "open": len(sockets.registry),
        "refused": gate.refused,
        "close_codes": sockets.registry.close_codes,
        "reported": reported,
    }
