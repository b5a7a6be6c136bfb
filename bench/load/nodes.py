"""Nodes that answer each job with its own audio, at once or after a service time; until SIGTERM.

Says ``up`` when all are registered. SIGUSR1 begins the count anew; the end tells of what was counted since.
"""

import argparse
import signal
import time
from functools import partial

from bench.load import messages
from bench.load.frames import text_of
from bench.load.loop import Loop, Peer
from bench.load.report import Window, quantiles_ms, say, tell

_SAMPLE = 200_000


class Node:
    """What is known of one node."""

    __slots__ = ("answered_s", "beating", "jobs", "name", "peer")

    def __init__(self, name: str) -> None:
        self.name = name.encode()
        self.peer: Peer | None = None
        self.beating = False
        self.jobs = 0
        self.answered_s = 0.0
        """When it began to send its last result while it held no other job; 0 once the next has come."""


class Nodes:
    """All nodes of one process."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._loop = Loop(arrivals=True)
        self._nodes: list[Node] = []
        self._up = 0
        self._registered = 0
        self._begin()

    def run(self) -> None:
        """Register, say so, work until told to end, tell."""
        args = self._args
        for number in range(args.nodes):
            node = Node(f"bench-{args.first + number}")
            self._nodes.append(node)
            node.peer = self._loop.connect(
                args.ports[number % len(args.ports)], "/ws/node", partial(self._register, node),
                partial(self._message, node),
            )  # fmt: skip
        self._loop.run_until(lambda: self._up >= args.nodes, 60, "all nodes registered")
        say("up")
        signal.signal(signal.SIGUSR1, lambda *_: self._begin())
        signal.signal(signal.SIGTERM, lambda *_: self._loop.stop())
        if args.registrations_per_s:
            self._register_again()
        self._loop.run()
        self._tell()

    def _begin(self) -> None:
        self._window = Window()
        self._jobs = 0
        self._assign_s: list[float] = []
        self._next_s: list[float] = []
        self._busy: set[bytes] = set()

    def _register(self, node: Node, peer: Peer) -> None:
        self._loop.send(peer, messages.registration(node.name.decode(), self._args.slots))

    def _message(self, node: Node, peer: Peer, message: bytes) -> None:
        if message.startswith(b'{"type":"job_assign"'):
            self._take(node, peer, message)
        elif message.startswith(b'{"type":"node_register_ack"'):
            self._up += 1
            if not node.beating:
                node.beating = True
                # The second comes sooner: nodes of the world beat at times of their own, not all together.
                self._beat(node, self._up / self._args.nodes)

    def _beat(self, node: Node, share: float = 1.0) -> None:
        """Send a heartbeat, and the next one after this share of the time between two."""
        assert node.peer is not None
        self._loop.send(node.peer, messages.heartbeat(node.name.decode()))
        self._loop.at(time.monotonic() + share * self._args.heartbeat_s, partial(self._beat, node))

    def _take(self, node: Node, peer: Peer, job: bytes) -> None:
        arrived_s = self._loop.arrived_s
        self._jobs += 1
        node.jobs += 1
        self._busy.add(node.name)
        if len(self._assign_s) < _SAMPLE:
            self._assign_s.append(arrived_s - messages.stamp_s(text_of(job, b'"audio":"')))
            if node.answered_s:
                self._next_s.append(arrived_s - node.answered_s)
        node.answered_s = 0.0
        if self._args.service_ms:
            self._loop.at(arrived_s + self._args.service_ms / 1000, partial(self._answer, node, peer, job))
        else:
            self._answer(node, peer, job)

    def _answer(self, node: Node, peer: Peer, job: bytes) -> None:
        now_s = time.monotonic()
        self._loop.send(peer, messages.result(node.name, job))
        node.jobs -= 1
        if not node.jobs:
            node.answered_s = now_s

    def _register_again(self) -> None:
        """Have the next node register anew on its socket, as after a change of what it can do."""
        node = self._nodes[self._registered % len(self._nodes)]
        self._registered += 1
        assert node.peer is not None
        self._register(node, node.peer)
        self._loop.at(time.monotonic() + 1 / self._args.registrations_per_s, self._register_again)

    def _tell(self) -> None:
        without = len(self._nodes) - len(self._busy)
        report = {"jobs": self._jobs, "nodes_without_jobs": without, "lost": self._loop.lost}
        times = {"assign": quantiles_ms(self._assign_s), "next_job": quantiles_ms(self._next_s)}
        tell({**report, **self._window.summary(), **times})


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ports", type=int, nargs="+", required=True)
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="number in the first one's name")
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--service-ms", type=float, default=0.0)
    parser.add_argument("--heartbeat-s", type=float, default=5.0, help="between the heartbeats of a node")
    parser.add_argument("--registrations-per-s", type=float, default=0.0)
    Nodes(parser.parse_args()).run()


if __name__ == "__main__":
    main()
