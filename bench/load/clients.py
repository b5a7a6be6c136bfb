"""Clients that send whole utterances: each the next when it has a result, or all together at a rate.

Says ``begin`` when the measured time begins, and tells the end.
"""

import argparse
import random
import time
from collections import deque
from functools import partial

from bench.load import messages
from bench.load.frames import text_of
from bench.load.loop import Loop, Peer
from bench.load.report import Window, quantiles_ms, say, tell


class Client:
    """One session."""

    __slots__ = ("frames", "peer", "sent_s")

    def __init__(self) -> None:
        self.peer: Peer | None = None
        self.frames: messages.UtteranceFrames | None = None
        self.sent_s: deque[float] = deque()


class Clients:
    """All sessions of one process."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._loop = Loop()
        self._sound = messages.audio(args.audio_bytes)
        self._clients: list[Client] = []
        self._open = 0
        self._times_s: list[float] = []
        self._errors: list[str] = []
        self._speaking = False
        self._source = random.Random(args.seed)
        self._due_s = 0.0

    def run(self) -> None:
        """Open the sessions, speak for the warm-up and the time, let what is under way end, tell."""
        args, loop = self._args, self._loop
        for number in range(args.clients):
            client = Client()
            self._clients.append(client)
            client.peer = loop.connect(
                args.ports[number % len(args.ports)], "/ws/session",
                lambda peer: loop.send(peer, messages.session_init()), partial(self._message, client),
            )  # fmt: skip
        loop.run_until(lambda: self._open >= args.clients, self._args.patience_s, "all sessions open")
        self._wait_for_a_node()
        self._speak(args.warm_s)
        say("begin")
        self._times_s = []
        window = Window()
        self._run_for(args.seconds)
        while not self._times_s and not self._errors and window.seconds < self._args.patience_s:
            self._run_for(0.1)  # a machine so busy that not one came in time
        report = {**window.summary(), "utterances": len(self._times_s), **quantiles_ms(self._times_s)}
        self._speaking = False
        loop.run_until(
            lambda: not any(each.sent_s for each in self._clients), self._args.patience_s, "every result"
        )
        report["per_s"] = round(report["utterances"] / report["seconds"], 1)
        tell({**report, "errors": len(self._errors), "first_errors": self._errors[:3], "lost": loop.lost})

    def _wait_for_a_node(self) -> None:
        """Try until an utterance is translated: nodes come to their first work in the background."""
        until_s = time.monotonic() + self._args.patience_s
        first = self._clients[0]
        while not self._times_s and time.monotonic() < until_s:
            self._send(first)
            self._loop.run_until(lambda: not first.sent_s, self._args.patience_s, "an answer")
            if not self._times_s:
                self._run_for(0.1)
        if not self._times_s:
            raise SystemExit(
                f"no utterance was translated within {self._args.patience_s:g} s: {self._errors[:3]}"
            )
        self._errors.clear()

    def _speak(self, seconds: float) -> None:
        self._speaking = True
        if self._args.rate:
            self._due_s = time.monotonic()
            self._next_arrival()
        else:
            for client in self._clients:
                self._send(client)
        self._run_for(seconds)

    def _run_for(self, seconds: float) -> None:
        self._loop.at(time.monotonic() + seconds, self._loop.stop)
        self._loop.run()

    def _next_arrival(self) -> None:
        """Send what is due, at exponential distances: nobody waits for anybody's result."""
        while self._speaking and self._due_s <= time.monotonic():
            self._send(self._source.choice(self._clients))
            self._due_s += self._source.expovariate(self._args.rate)
        if self._speaking:
            self._loop.at(self._due_s, self._next_arrival)

    def _send(self, client: Client) -> None:
        assert client.frames is not None and client.peer is not None
        client.sent_s.append(time.monotonic())
        self._loop.send(client.peer, client.frames.next())

    def _message(self, client: Client, peer: Peer, message: bytes) -> None:
        if message.startswith(b'{"type":"translation_result"'):
            self._times_s.append(time.monotonic() - client.sent_s.popleft())
            if self._speaking and not self._args.rate:
                self._send(client)
        elif message.startswith((b'{"type":"missing_result"', b'{"type":"error"')):
            self._failed(client, message)
        elif message.startswith(b'{"type":"session_init_ack"'):
            self._open += 1
            client.frames = messages.UtteranceFrames(
                text_of(message, b'"session_id":"').decode(), self._sound
            )

    def _failed(self, client: Client, message: bytes) -> None:
        """Count it. A failed job has an error and a missing result, a refused one only the error."""
        self._errors.append(message[:200].decode(errors="replace"))
        if client.sent_s:
            client.sent_s.popleft()
            if self._speaking and not self._args.rate:
                self._send(client)


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ports", type=int, nargs="+", required=True)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rate", type=float, default=0.0, help="utterances a second of all; 0 for one each")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--warm-s", type=float, default=1.0)
    parser.add_argument("--audio-bytes", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience-s", type=float, default=30.0, help="after which no result comes any more")
    Clients(parser.parse_args()).run()


if __name__ == "__main__":
    main()
