"""Results on their way to the server; they survive a lost socket."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from agent.link import Link
from scheduling.messages import JobResult, JobResultAck, RunningAttempt

#: An utterance ends 60 s after it was spoken, with or without its result: later it is of no use. In s.
KEEP_S = 60.0
#: A result is sent again over the same line when it is not acknowledged for this long, in s. A server that
#: cannot reach its ledger tries for longer, so it is rarely done; to send one twice does no harm.
REPEAT_S = 20.0

log = logging.getLogger(__name__)

Key = tuple[str, int]


class Outbox:
    """Keeps each result until the server surely has it.

    Being written to a socket proves nothing: the other end may have been gone for seconds. A server that
    acknowledges results says of each when it is on record. Of any other it is only known what it has read:
    each batch is followed by a ping, and its pong lets go of the batch. After a reconnect everything kept
    is sent again; the server takes the same result twice as once.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, repeat_s: float = REPEAT_S) -> None:
        self._now = now
        self._repeat_s = repeat_s
        self._kept: dict[Key, tuple[float, JobResult]] = {}
        self._unsent: dict[Key, JobResult] = {}
        self._unconfirmed: dict[Key, float] = {}
        """What was sent, and when."""
        self._to_send = asyncio.Event()
        self._to_confirm = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def put(self, result: JobResult) -> None:
        """Take a result; it goes out as soon as the line is up."""
        key = (result.job_id, result.attempt_id)
        self._kept[key] = (self._now(), result)
        self._unsent[key] = result
        self._empty.clear()
        self._to_send.set()

    def attempts(self) -> list[RunningAttempt]:
        """List the attempts whose results are still here: to the server they are running."""
        self._forget_old()
        return [RunningAttempt(job_id=job_id, attempt_id=attempt_id) for job_id, attempt_id in self._kept]

    def drop(self, job_id: str) -> None:
        """Nobody wants the results of this job any more."""
        self._remove([key for key in self._kept if key[0] == job_id])

    def acknowledge(self, ack: JobResultAck) -> None:
        """Let go of a result: the server has it on record, or it came too late to be of use."""
        if not ack.accepted:
            log.info("the result of job %s is of no use any more: the attempt had ended", ack.job_id)
        self._remove([(ack.job_id, ack.attempt_id)])

    async def wait_empty(self) -> None:
        """Wait until the server has everything."""
        await self._empty.wait()

    async def deliver(self, link: Link) -> None:
        """Send over a line that has just come up, until it goes down."""
        self._forget_old()
        self._unsent = {key: result for key, (_, result) in self._kept.items()}
        self._unconfirmed.clear()
        self._to_send.set()
        confirming = asyncio.create_task(self._repeat() if link.result_acks else self._confirm(link))
        try:
            while await self._send(link):
                await self._to_send.wait()
        finally:
            confirming.cancel()

    async def _send(self, link: Link) -> bool:
        self._to_send.clear()
        while self._unsent:
            key = next(iter(self._unsent))
            if not await link.send(self._unsent[key]):
                return False
            self._unsent.pop(key, None)
            if key in self._kept:  # its acknowledgement may have been faster
                self._unconfirmed[key] = self._now()
                self._to_confirm.set()
        return True

    async def _repeat(self) -> None:
        """Send again what is not acknowledged: the server may have failed to record it and said so."""
        while True:
            await asyncio.sleep(self._repeat_s)
            self._forget_old()
            oldest = self._now() - self._repeat_s
            late = [key for key, sent in self._unconfirmed.items() if sent < oldest]
            self._unsent |= {key: self._kept[key][1] for key in late}
            self._to_send.set()

    async def _confirm(self, link: Link) -> None:
        """One ping at a time is under way, for all that was sent before it."""
        while True:
            await self._to_confirm.wait()
            self._to_confirm.clear()
            sent = list(self._unconfirmed)
            if not await link.confirm():
                return
            self._remove(sent)

    def _forget_old(self) -> None:
        oldest = self._now() - KEEP_S
        self._remove([key for key, (since, _) in self._kept.items() if since < oldest])

    def _remove(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._kept.pop(key, None)
            self._unsent.pop(key, None)
            self._unconfirmed.pop(key, None)
        if not self._kept:
            self._empty.set()
