"""Sessions that are opened as fast as the server takes them, and then say nothing; until SIGTERM.

Says ``begin`` before the first, and tells when all are open.
"""

import argparse
import signal

from bench.load import messages
from bench.load.loop import Loop, Peer
from bench.load.report import Window, say, tell

_PATIENCE_S = 120.0


class Idle:
    """Opens sockets, some at a time."""

    def __init__(self, port: int, sessions: int) -> None:
        self._loop = Loop()
        self._port = port
        self._sessions = sessions
        self._asked = 0
        self._open = 0

    def run(self, at_once: int) -> None:
        """Open them all, tell, stay."""
        say("begin")
        window = Window()
        for _ in range(min(at_once, self._sessions)):
            self._connect()
        self._loop.run_until(lambda: self._open >= self._sessions, _PATIENCE_S, "all sessions open")
        report = window.summary()
        tell({**report, "per_s": round(self._sessions / report["seconds"], 1), "lost": self._loop.lost})
        signal.signal(signal.SIGTERM, lambda *_: self._loop.stop())
        self._loop.run()

    def _connect(self) -> None:
        self._asked += 1
        self._loop.connect(self._port, "/ws/session", self._init, self._message)

    def _init(self, peer: Peer) -> None:
        self._loop.send(peer, messages.session_init())

    def _message(self, peer: Peer, message: bytes) -> None:
        if message.startswith(b'{"type":"session_init_ack"'):
            self._open += 1
            if self._asked < self._sessions:
                self._connect()


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=64, help="handshakes under way at once")
    args = parser.parse_args()
    Idle(args.port, args.sessions).run(args.at_once)


if __name__ == "__main__":
    main()
