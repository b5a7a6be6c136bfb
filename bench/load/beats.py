"""Nodes that each heartbeat again as soon as the server has dealt with the last, for a time.

Our server answers no heartbeat, but it answers a ping where it stands in the stream: behind the heartbeat. A
flask-sock server answers pings in a thread of its own, so there the bare loop sends a message instead. Nobody
floods: a flask-sock reader that always finds bytes never lets anybody else run.

Says ``begin``, and tells the end.
"""

import argparse
import time
from functools import partial
from itertools import cycle

from bench.load import messages
from bench.load.frames import PING, masked
from bench.load.loop import Loop, Peer
from bench.load.report import Window, say, tell

_VARIANTS = 16


class Beats:
    """All nodes of one process."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._loop = Loop()
        self._up = 0
        self._answered = 0

    def run(self) -> None:
        """Register, heartbeat for the warm-up and the time, tell."""
        args = self._args
        for number in range(args.nodes):
            name = f"bench-{number}"
            self._loop.connect(args.port, "/ws/node", partial(self._register, name), self._message)
        self._loop.run_until(lambda: self._up >= args.nodes, 60, "all nodes registered")
        self._run_for(args.warm_s)
        say("begin")
        self._answered, window = 0, Window()
        self._run_for(args.seconds)
        report = window.summary()
        per_s = round(self._answered / report["seconds"], 1)
        tell({**report, "heartbeats": self._answered, "per_s": per_s, "lost": self._loop.lost})

    def _run_for(self, seconds: float) -> None:
        self._loop.at(time.monotonic() + seconds, self._loop.stop)
        self._loop.run()

    def _register(self, name: str, peer: Peer) -> None:
        ping = masked(b"", PING) if self._args.answer == "pong" else b""
        frames = [beat + ping for beat in messages.heartbeats(name, _VARIANTS, self._args.seed)]
        peer.state = cycle(frames)
        peer.on_pong = self._beat_again if ping else None
        self._loop.send(peer, messages.registration(name, 64))

    def _message(self, peer: Peer, message: bytes) -> None:
        if message.startswith(b'{"type":"node_register_ack"'):
            self._up += 1
            self._loop.send(peer, next(peer.state))
        elif self._args.answer == "message":
            self._beat_again(peer)

    def _beat_again(self, peer: Peer) -> None:
        self._answered += 1
        self._loop.send(peer, next(peer.state))


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--answer", choices=("pong", "message"), required=True)
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--warm-s", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=1)
    Beats(parser.parse_args()).run()


if __name__ == "__main__":
    main()
