"""Sessions that speak in real time, and ever more of them until results come too late.

Each speaks for some seconds in chunks of 256 ms of pcm16 in base64, ends the utterance by hand, as clients
do that listen for the end of speech, and is silent for as long again: half of its time. The delay of a result
counts from the last chunk and without the node's service time. Tells of each step as it ends.
"""

import argparse
import random
import time
from collections import deque
from functools import partial

from bench.load import messages
from bench.load.frames import text_of
from bench.load.loop import Loop, Peer
from bench.load.report import Window, quantiles_ms, tell

CHUNK_S = 0.256
_CHUNK_BYTES = 8192
#: Chunks of an utterance: 2 to 5 s.
_CHUNKS = (8, 20)
_PATIENCE_S = 30.0


class Speaker:
    """One session."""

    __slots__ = ("ended_s", "left", "peer", "quiet", "seq", "session_id")

    def __init__(self) -> None:
        self.peer: Peer | None = None
        self.session_id = ""
        self.seq = 0
        self.left = 0
        """Chunks of the utterance that are still to be said."""
        self.quiet = 0
        """Chunks long that it will be silent."""
        self.ended_s: deque[float] = deque()


class Speakers:
    """All sessions."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._loop = Loop()
        self._speakers: list[Speaker] = []
        self._open = 0
        self._source = random.Random(args.seed)
        self._sound = messages.audio(_CHUNK_BYTES)
        self._delays_s: list[float] = []
        self._late_s: list[float] = []
        self._errors: list[str] = []

    def run(self) -> None:
        """Go from step to step; the first that is too much is the last."""
        for step in self._args.steps:
            self._add(step - len(self._speakers))
            self._run_for(self._args.ramp_s)
            report = self._step()
            in_time = report["count"] > 0 and report["p99_ms"] <= self._args.bound_ms and not report["errors"]
            tell({"sessions": step, "in_time": in_time, **report})
            if not in_time:
                return

    def _step(self) -> dict[str, float]:
        window = Window()
        self._delays_s, self._late_s, self._errors = [], [], []
        self._run_for(self._args.seconds)
        bare_ms = self._args.service_ms
        times = quantiles_ms([seconds - bare_ms / 1000 for seconds in self._delays_s])
        late = quantiles_ms(self._late_s)
        waiting = [time.monotonic() - at for each in self._speakers for at in each.ended_s]
        overdue = sum(1 for seconds in waiting if seconds > 1 + bare_ms / 1000)
        return {
            **window.summary(), **times, "generator_late_p99_ms": late["p99_ms"],
            "errors": len(self._errors) + self._loop.lost + overdue,
        }  # fmt: skip

    def _add(self, number: int) -> None:
        args, loop = self._args, self._loop
        wanted = len(self._speakers) + number
        for _ in range(number):
            speaker = Speaker()
            self._speakers.append(speaker)
            speaker.peer = loop.connect(
                args.port, "/ws/session", lambda peer: loop.send(peer, messages.session_init()),
                partial(self._message, speaker),
            )  # fmt: skip
        loop.run_until(lambda: self._open >= wanted, _PATIENCE_S, "all sessions open")

    def _message(self, speaker: Speaker, peer: Peer, message: bytes) -> None:
        if message.startswith(b'{"type":"translation_result"'):
            self._delays_s.append(time.monotonic() - speaker.ended_s.popleft())
        elif message.startswith((b'{"type":"missing_result"', b'{"type":"error"')):
            self._errors.append(message[:200].decode(errors="replace"))
            if speaker.ended_s:
                speaker.ended_s.popleft()
        elif message.startswith(b'{"type":"session_init_ack"'):
            self._open += 1
            speaker.session_id = text_of(message, b'"session_id":"').decode()
            self._begin(speaker, time.monotonic() + self._source.uniform(0, 2 * CHUNK_S * _CHUNKS[0]))

    def _begin(self, speaker: Speaker, due_s: float) -> None:
        speaker.left = speaker.quiet = self._source.randint(*_CHUNKS)
        self._loop.at(due_s, partial(self._speak, speaker, due_s))

    def _speak(self, speaker: Speaker, due_s: float) -> None:
        assert speaker.peer is not None
        now_s = time.monotonic()
        self._late_s.append(now_s - due_s)
        speaker.left -= 1
        final = speaker.left == 0
        sound = messages.stamp() + self._sound[messages.STAMP :]
        self._loop.send(speaker.peer, messages.chunk(speaker.session_id, speaker.seq, sound, final=final))
        speaker.seq += 1
        if final:
            speaker.ended_s.append(now_s)
            self._begin(speaker, due_s + speaker.quiet * CHUNK_S)
        else:
            self._loop.at(due_s + CHUNK_S, partial(self._speak, speaker, due_s + CHUNK_S))

    def _run_for(self, seconds: float) -> None:
        self._loop.at(time.monotonic() + seconds, self._loop.stop)
        self._loop.run()


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--steps", type=int, nargs="+", required=True, help="sessions of each step, growing")
    parser.add_argument("--seconds", type=float, default=6.0, help="measured time of each step")
    parser.add_argument("--ramp-s", type=float, default=6.0, help="time of each step before it is measured")
    parser.add_argument("--service-ms", type=float, default=300.0, help="what the nodes take")
    parser.add_argument("--bound-ms", type=float, default=250.0, help="longest p99 of the delay")
    parser.add_argument("--seed", type=int, default=1)
    Speakers(parser.parse_args()).run()


if __name__ == "__main__":
    main()
