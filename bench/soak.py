"""``make soak``, ``make soak-long``: sessions that resume, over two web processes; one restarts each minute.

The last line is JSON. The exit status is 1 when an utterance ended in an error, was lost, came twice or
out of order, or memory grew too much.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import fmean

from bench.soak_speaker import Score, Session
from bench.soak_stack import SoakStack

_RESTART_S = 60.0
#: Before the growth of memory is counted: all peers come back at once, and what that takes stays.
_FIRST_RESTART_S = 45.0
_WINDOW_S = 10.0
_MOST_GROWTH_PCT = 5.0
Sample = tuple[float, dict[str, int]]


def main() -> None:
    """Run, print, and exit with 1 when something was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long sessions begin")
    parser.add_argument("--sessions", type=int, default=60, help="sessions at any time")
    parser.add_argument("--utterances", type=int, default=8, help="utterances of each session")
    parser.add_argument("--grown-from", type=float, help="when the growth of memory is counted from, s")
    args = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        soak = Soak(SoakStack(stack, folder), args.seconds, args.sessions, args.utterances)
        asyncio.run(soak.run())
        growth = soak.growth_pct(args.grown_from or args.seconds / 2)
    for complaint in soak.score.complaints[:50]:
        print(complaint)
    print(f"growth of memory in %: {growth}")
    report = summary(soak.score, max(growth.values()))
    print(json.dumps(report))
    sys.exit(0 if is_good(report) else 1)


class Soak:
    """The load, the restarts and the samples of memory."""

    def __init__(self, stack: SoakStack, seconds: float, sessions: int, utterances: int) -> None:
        self._stack = stack
        self._utterances = utterances
        self._seconds = seconds
        self._sessions = sessions
        self._began_s = 0.0
        self._samples: list[Sample] = []
        self.score = Score()

    async def run(self) -> None:
        """Keep so many sessions speaking for the time, then wait for their ends."""
        self._began_s = time.monotonic()
        upkeep = [asyncio.create_task(self._restart()), asyncio.create_task(self._measure())]
        await asyncio.gather(*(self._speak(number) for number in range(self._sessions)))
        for task in upkeep:
            task.cancel()
        await asyncio.gather(*upkeep, return_exceptions=True)

    def growth_pct(self, from_s: float) -> dict[str, float]:
        """Growth of each process from then to the end of the load, in %."""
        before = [memory for at, memory in self._samples if from_s - _WINDOW_S <= at <= from_s]
        after = [memory for at, memory in self._samples if at >= self._seconds - _WINDOW_S]
        return {name: round(100 * (_mean(after, name) / _mean(before, name) - 1), 1) for name in before[0]}

    @property
    def _now_s(self) -> float:
        return time.monotonic() - self._began_s

    async def _speak(self, number: int) -> None:
        await asyncio.sleep(number / self._sessions * 5)
        urls, turn = self._stack.sockets, 0
        while self._now_s < self._seconds:
            first = (number + turn) % len(urls)
            session = Session(f"m{number}.{turn}", urls[first:] + urls[:first], self.score)
            await session.run(self._utterances)
            turn += 1

    async def _restart(self) -> None:
        due_s = _FIRST_RESTART_S
        while due_s < self._seconds:
            await asyncio.sleep(due_s - self._now_s)
            await asyncio.to_thread(self._stack.restart)
            due_s += _RESTART_S

    async def _measure(self) -> None:
        while self._now_s < self._seconds:
            self._samples.append((self._now_s, self._stack.memory()))
            await asyncio.sleep(1)


def summary(score: Score, growth_pct: float) -> dict[str, float]:
    """Give the last line of the output."""
    after_ms = sorted(1000 * seconds for seconds in score.after_speech_s)
    return {
        "utterances": score.utterances, "results": score.results, "errors": score.errors, "lost": score.lost,
        "duplicated": score.duplicated, "misordered": score.misordered, "resumed": score.resumed,
        "e2e_after_speech_ms_p50": _quantile(after_ms, 0.5),
        "e2e_after_speech_ms_p99": _quantile(after_ms, 0.99), "rss_growth_pct": growth_pct,
    }  # fmt: skip


def is_good(report: dict[str, float]) -> bool:
    """Whether every utterance had its one result, in order, and memory stayed."""
    faults = ("errors", "lost", "duplicated", "misordered")
    return not any(report[name] for name in faults) and report["rss_growth_pct"] <= _MOST_GROWTH_PCT


def _quantile(values: list[float], share: float) -> float:
    return round(values[min(len(values) - 1, int(len(values) * share))], 1) if values else 0.0


def _mean(samples: list[dict[str, int]], name: str) -> float:
    return fmean(sample[name] for sample in samples)


if __name__ == "__main__":
    main()
