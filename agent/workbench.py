"""The jobs of a node: admitted once each, worked on as slots allow, answered or dropped."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from agent import replies
from agent.link import Link
from agent.outbox import Key, Outbox
from agent.pipelines.base import JobCancelled, Pipeline, PipelineError, PipelineResult, Progress
from scheduling import tracing
from scheduling.messages import JobAck, JobAssign, JobResult, JobStarted, Message, RunningAttempt

#: Jobs that may wait here for each slot. The server counts slots and sends no more; a few can cross a
#: change of slots or a lost ledger on the way. Beyond that another node is better than waiting here.
QUEUE_PER_SLOT = 4
#: Ended attempts remembered, to know an assignment that is delivered twice.
REMEMBERED = 1000

#: Most speech in an answer, in bytes: in base64 it must fit into the 16 MiB the server takes. The server
#: would close the connection over more, and again when the answer is sent once more.
MAX_SPEECH_BYTES = 11 << 20

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Attempt:
    job: JobAssign
    progress: Progress
    started: bool = False
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def key(self) -> Key:
        return self.job.job_id, self.job.attempt_id


class Workbench:
    """Up to ``slots`` jobs at once in threads, a bounded number waiting; results go to ``outbox``."""

    def __init__(self, pipeline: Pipeline, slots: int, link: Link, outbox: Outbox) -> None:
        self._pipeline = pipeline
        self._link = link
        self._outbox = outbox
        self._limit = slots * (1 + QUEUE_PER_SLOT)
        self._slots = asyncio.Semaphore(slots)
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="job")
        self._attempts: dict[Key, _Attempt] = {}
        self._ended: OrderedDict[Key, None] = OrderedDict()
        self._sending: set[asyncio.Task[bool]] = set()
        self._slot_count = slots
        self.overcommitted = 0
        """Jobs that came while as many as there are slots were still to be answered."""

    @property
    def load(self) -> int:
        """Jobs that take or await a slot; a cancelled one counts until its thread is free again."""
        return len(self._attempts)

    def attempts(self) -> list[RunningAttempt]:
        """List the attempts that will still be answered."""
        wanted = (each for each in self._attempts.values() if not each.progress.cancelled)
        return [RunningAttempt(job_id=each.job.job_id, attempt_id=each.job.attempt_id) for each in wanted]

    def assign(self, job: JobAssign) -> None:
        """Take a job, once: the same attempt delivered again is left alone, its answer is on the way."""
        key = (job.job_id, job.attempt_id)
        if key in self._attempts or key in self._ended:
            log.info("job %s attempt %d came again, ignored", *key)
        elif len(self._attempts) >= self._limit:
            error = PipelineError("NODE_OVERLOADED", f"The node already has {len(self._attempts)} jobs.")
            self._outbox.put(replies.failure(job, self._node_id, error))
        else:
            self._admit(job)

    def cancel(self, job_id: str) -> None:
        """Drop a job: out of the queue at once, out of a thread as soon as the pipeline looks up."""
        self._outbox.drop(job_id)
        for attempt in [each for each in self._attempts.values() if each.job.job_id == job_id]:
            attempt.progress.cancel()
            if not attempt.started and attempt.task is not None:
                attempt.task.cancel()

    async def finish(self, deadline: float) -> None:
        """Work off everything, jobs that still come included, until ``deadline`` (monotonic clock, s)."""
        while self._attempts and (left := deadline - time.monotonic()) > 0:
            await asyncio.wait([each.task for each in self._attempts.values() if each.task], timeout=left)

    def give_up(self) -> None:
        """Answer what is unfinished with NODE_UNAVAILABLE, so that another node gets it at once."""
        for attempt in [each for each in self._attempts.values() if not each.progress.cancelled]:
            self.cancel(attempt.job.job_id)
            error = PipelineError("NODE_UNAVAILABLE", "The node is shutting down.")
            self._outbox.put(replies.failure(attempt.job, self._node_id, error))

    def close(self) -> None:
        """Leave the threads to end by themselves; waiting for a stuck one would be for ever."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def _node_id(self) -> str:
        return self._link.node_id or ""

    def _admit(self, job: JobAssign) -> None:
        loop = asyncio.get_running_loop()

        def show(text: str, is_final: bool) -> None:
            loop.call_soon_threadsafe(self._show, job, text, is_final)

        attempt = _Attempt(job, Progress(show))
        self._attempts[attempt.key] = attempt
        self._note_excess(attempt)
        attempt.task = asyncio.create_task(self._work(attempt))

    def _note_excess(self, attempt: _Attempt) -> None:
        """Count a job beyond the slots: the server has given up an attempt that nobody told us to stop."""
        wanted = len(self.attempts())
        if wanted > self._slot_count:
            self.overcommitted += 1
            log.warning(
                "overcommitted: job %s attempt %d is number %d of %d slots",
                *attempt.key,
                wanted,
                self._slot_count,
            )

    async def _work(self, attempt: _Attempt) -> None:
        try:
            await self._link.send(replies.notice(JobAck, attempt.job, self._node_id))
            async with self._slots:
                attempt.started = True
                await self._link.send(replies.notice(JobStarted, attempt.job, self._node_id))
                loop = asyncio.get_running_loop()
                result = await loop.run_in_executor(self._threads, self._process, attempt)
        finally:
            self._end(attempt)
        if result is not None and not attempt.progress.cancelled:
            self._outbox.put(result)

    def _process(self, attempt: _Attempt) -> JobResult | None:
        """In a thread: the pipeline's work as a message, whatever comes of it."""
        job, began = attempt.job, time.monotonic()
        try:
            with tracing.span("translate", job.traceparent, job=job.job_id, attempt=job.attempt_id):
                result = self._pipeline.process(job, attempt.progress)
            _check_size(result)
        except JobCancelled:
            return None
        except PipelineError as error:
            return self._failed(job, error, began)
        except Exception:
            log.exception("the pipeline broke on job %s", job.job_id)
            sentence = "The node's pipeline broke on this job; the log of the node says where."
            return self._failed(job, PipelineError("PROCESSING_ERROR", sentence), began)
        took_ms = _ms_since(began)
        log.info("job %s done in %d ms", job.job_id, took_ms)
        return replies.success(job, self._node_id, result, took_ms)

    def _failed(self, job: JobAssign, error: PipelineError, began: float) -> JobResult:
        log.warning("job %s failed: %s: %s", job.job_id, error.code, error.message)
        return replies.failure(job, self._node_id, error, _ms_since(began))

    def _show(self, job: JobAssign, text: str, is_final: bool) -> None:
        if job.enable_streaming_asr is not False:
            self._send_soon(replies.partial(job, self._node_id, text, is_final))

    def _send_soon(self, message: Message) -> None:
        task = asyncio.create_task(self._link.send(message))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def _end(self, attempt: _Attempt) -> None:
        self._attempts.pop(attempt.key, None)
        self._ended[attempt.key] = None
        if len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)


def _check_size(result: PipelineResult) -> None:
    size = len(result.tts_audio)
    if size > MAX_SPEECH_BYTES:
        sentence = f"The speech has {size} bytes, more than the {MAX_SPEECH_BYTES} that can be sent."
        raise PipelineError("PROCESSING_ERROR", sentence)


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
