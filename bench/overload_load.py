"""An open-loop load of its own process: utterances at random times, whatever became of those before.

Its last line is JSON. Latency counts from when an utterance was due, so a generator that lags finds the lag
in its figures; how late it sent stands beside them as ``lag_ms_p99``.
"""

import argparse
import asyncio
import json
import random
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from bench.figures import quantile

SERVICE_MS = 1000.0
#: Sessions of each tenant: none has more under way than one session may.
_SESSIONS = 24
_SOUND = "QUJD" * 800
#: All that was let in has ended by then, s.
_PATIENCE_S = 40.0


def utterance(session_id: str, index: int, audio: str) -> dict[str, Any]:
    """Give a one-shot utterance of a client; ``audio`` is base64 of pcm16."""
    return {
        "type": "utterance", "session_id": session_id, "utterance_index": index, "manual_cut": True,
        "src_lang": "en", "tgt_lang": "pt", "audio": audio, "audio_format": "pcm16", "sample_rate": 16000,
    }  # fmt: skip


@dataclass
class Sent:
    """One utterance under way."""

    due_s: float
    counts: bool
    """Whether it was sent after the warm-up."""


@dataclass
class Score:
    """What became of the utterances of one tenant that count."""

    offered: int = 0
    lags_s: list[float] = field(default_factory=list)
    results_s: list[float] = field(default_factory=list)
    refusals_s: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    with_estimate: int = 0
    given_up: Counter[str] = field(default_factory=Counter)

    def figures(self) -> dict[str, Any]:
        """Give the figures; latencies in ms, those of results beyond the service time."""
        beyond = [1000 * seconds - SERVICE_MS for seconds in self.results_s]
        refusals = [1000 * seconds for seconds in self.refusals_s]
        return {
            "offered": self.offered, "admitted": len(self.results_s) + self.given_up.total(),
            "refused": dict(self.refused), "beyond_service_ms_p50": quantile(beyond, 0.5),
            "beyond_service_ms_p99": quantile(beyond, 0.99), "refusal_ms_p99": quantile(refusals, 0.99),
            "refusals_with_estimate": self.with_estimate, "given_up": dict(self.given_up),
        }  # fmt: skip


class Talker:
    """One session that says what it is told to."""

    def __init__(self, socket: ClientConnection, session_id: str, score: Score) -> None:
        self._socket = socket
        self._session_id = session_id
        self._score = score
        self._next = 0
        self.under_way: dict[int, Sent] = {}

    async def say(self, due_s: float, *, counts: bool) -> None:
        """Send an utterance that was due at a time."""
        index, self._next = self._next, self._next + 1
        self.under_way[index] = Sent(due_s, counts)
        if counts:
            self._score.offered += 1
            self._score.lags_s.append(perf_counter() - due_s)
        await self._socket.send(json.dumps(utterance(self._session_id, index, _SOUND)))

    async def listen(self) -> None:
        """Take what comes, until cancelled."""
        async for frame in self._socket:
            message = json.loads(frame)
            index = message.get("utterance_index")
            if message["type"] == "error":
                index = (message.get("details") or {}).get("utterance_index")
            if message["type"] in ("translation_result", "missing_result", "error"):
                sent = self.under_way.pop(index, None)
                if sent is not None and sent.counts:
                    self._note(message, perf_counter() - sent.due_s)

    def _note(self, message: dict[str, Any], took_s: float) -> None:
        score = self._score
        if message["type"] == "translation_result":
            score.results_s.append(took_s)
        elif message["type"] == "missing_result":
            score.given_up[message["reason"]] += 1
        else:
            score.refused[message["code"]] += 1
            score.refusals_s.append(took_s)
            score.with_estimate += {"wait_ms", "retry_after_ms"} <= set(message["details"])


async def run(url: str, rates: dict[str, float], warm_s: float, seconds: float) -> dict[str, Score]:
    """Offer utterances of each tenant at its rate (1/s); the warm-up does not count."""
    scores = {tenant: Score() for tenant in rates}
    async with AsyncExitStack() as stack:
        talkers = {tenant: [await _open(stack, url, tenant, scores[tenant]) for _ in range(_SESSIONS)]
                   for tenant in rates}  # fmt: skip
        everybody = [talker for each in talkers.values() for talker in each]
        listening = [asyncio.create_task(talker.listen()) for talker in everybody]
        began_s = perf_counter()
        await asyncio.gather(
            *(_offer(talkers[tenant], rate, began_s, warm_s, seconds) for tenant, rate in rates.items())
        )
        until_s = perf_counter() + _PATIENCE_S
        while any(talker.under_way for talker in everybody) and perf_counter() < until_s:
            await asyncio.sleep(0.1)
        for tenant, each in talkers.items():
            scores[tenant].given_up["no answer"] += sum(len(talker.under_way) for talker in each)
            scores[tenant].given_up = +scores[tenant].given_up
        for task in listening:
            task.cancel()
    return scores


async def _open(stack: AsyncExitStack, url: str, tenant: str, score: Score) -> Talker:
    socket = await stack.enter_async_context(connect(url, compression=None, max_size=None))
    opening = {"client_version": "bench", "platform": "web", "src_lang": "en", "tgt_lang": "pt"}
    await socket.send(json.dumps({"type": "session_init", "tenant_id": tenant, **opening}))
    return Talker(socket, json.loads(await socket.recv())["session_id"], score)


async def _offer(talkers: list[Talker], rate: float, began_s: float, warm_s: float, seconds: float) -> None:
    due_s, turn = began_s, 0
    while (due_s := due_s + random.expovariate(rate)) < began_s + warm_s + seconds:
        await asyncio.sleep(max(0.0, due_s - perf_counter()))
        await talkers[turn % len(talkers)].say(due_s, counts=due_s >= began_s + warm_s)
        turn += 1


def main() -> None:
    """Run one load and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--rates", required=True, help="utterances a second by tenant, as JSON")
    parser.add_argument("--warm", type=float, required=True, help="s that do not count")
    parser.add_argument("--seconds", type=float, required=True, help="s that count")
    args = parser.parse_args()
    scores = asyncio.run(run(args.url, json.loads(args.rates), args.warm, args.seconds))
    lags = [1000 * lag for score in scores.values() for lag in score.lags_s]
    figures = {tenant: score.figures() for tenant, score in scores.items()}
    print(json.dumps({"tenants": figures, "lag_ms_p99": quantile(lags, 0.99)}))


if __name__ == "__main__":
    main()
