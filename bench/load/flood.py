"""Nodes that heartbeat as fast as their sockets take it, for a time. Says ``begin``, and tells the end."""

import argparse
import signal
import time
from functools import partial

from bench.load import messages
from bench.load.loop import Loop, Peer
from bench.load.report import Window, say, tell

_VARIANTS = 16
_SEED = 1


class Flood:
    """All nodes of one process."""

    def __init__(self, port: int, nodes: int) -> None:
        self._loop = Loop()
        self._up = 0
        self._port = port
        self._nodes = nodes

    def run(self, warm_s: float, seconds: float) -> None:
        """Register, send, tell."""
        for number in range(self._nodes):
            name = f"bench-{number}"
            self._loop.connect(
                self._port, "/ws/node", partial(self._register, name), partial(self._message, name)
            )
        self._loop.run_until(lambda: self._up >= self._nodes, 60, "all nodes registered")
        self._run_for(warm_s)
        say("begin")
        window = Window()
        self._run_for(seconds)
        tell({**window.summary(), "lost": self._loop.lost})
        signal.pause()  # so that the server counts no closing of sockets into its time

    def _run_for(self, seconds: float) -> None:
        self._loop.at(time.monotonic() + seconds, self._loop.stop)
        self._loop.run()

    def _register(self, name: str, peer: Peer) -> None:
        self._loop.send(peer, messages.registration(name, 64))

    def _message(self, name: str, peer: Peer, message: bytes) -> None:
        if message.startswith(b'{"type":"node_register_ack"') and peer.on_writable is None:
            self._up += 1
            beats = b"".join(messages.heartbeats(name, _VARIANTS, _SEED))
            self._loop.flood(peer, lambda peer: self._loop.send(peer, beats))


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--warm-s", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=3.0)
    args = parser.parse_args()
    Flood(args.port, args.nodes).run(args.warm_s, args.seconds)


if __name__ == "__main__":
    main()
