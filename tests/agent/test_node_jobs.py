"""A node at work, seen by the server over a real socket."""

import asyncio
import base64

import pytest

from agent.pipelines.base import PipelineError, PipelineOptions, PipelineResult, Progress
from agent.pipelines.echo import EchoPipeline
from agent.workbench import MAX_SPEECH_BYTES, QUEUE_PER_SLOT
from scheduling.messages import (
    JobAck,
    JobAssign,
    JobCancel,
    JobResult,
    JobStarted,
    NodeAsrPartial,
    NodeControl,
    NodeHeartbeat,
)
from tests.agent.dispatcher import NodeSide
from tests.agent.jobs import job
from tests.agent.running import in_loop, running
from tests.agent.stepwise import StepwisePipeline


async def heartbeat(node: NodeSide) -> NodeHeartbeat:
    """A heartbeat made after now: an unneeded ``undrain`` makes the node send one at once."""
    await node.send(NodeControl(command="undrain"))
    return await node.next_of(NodeHeartbeat)


@in_loop
async def test_a_job_is_acknowledged_started_and_answered() -> None:
    async with running(EchoPipeline(PipelineOptions())) as here:
        node = await here.registered()
        await node.send(job(b"good morning", utterance_index=7, trace_id="t-7"))
        ack, started, result = [await node.next() for _ in range(3)]
    assert isinstance(ack, JobAck) and isinstance(started, JobStarted) and isinstance(result, JobResult)
    for message in (ack, started, result):
        assert (message.job_id, message.attempt_id, message.node_id) == ("job-1", 1, "node-1")
        assert (message.session_id, message.trace_id) == ("s-1", "t-7")
    assert result.success and result.error is None
    assert result.utterance_index == 7
    assert result.text_asr == "good morning"
    assert result.text_translated == "[en-pt] good morning"
    assert result.tts_audio == base64.b64encode(b"good morning").decode()
    assert result.tts_format == "pcm16"
    assert result.processing_time_ms is not None and result.node_completed_at_ms is not None


@in_loop
async def test_partial_texts_come_between_start_and_result() -> None:
    async with running(EchoPipeline(PipelineOptions(partials=2))) as here:
        node = await here.registered()
        await node.send(job(b"good morning"))
        await node.next_of(JobStarted)
        first, second, result = [await node.next() for _ in range(3)]
    assert isinstance(first, NodeAsrPartial) and isinstance(second, NodeAsrPartial)
    assert (first.text, first.is_final) == ("good m", False)
    assert (second.text, second.is_final) == ("good morning", True)
    assert isinstance(result, JobResult)


@in_loop
async def test_no_partial_texts_for_a_job_that_wants_none() -> None:
    async with running(EchoPipeline(PipelineOptions(partials=2))) as here:
        node = await here.registered()
        await node.send(job(enable_streaming_asr=False))
        await node.next_of(JobStarted)
        assert isinstance(await node.next(), JobResult)


@in_loop
async def test_works_on_as_many_jobs_as_it_has_slots_and_queues_the_rest() -> None:
    pipeline = StepwisePipeline()
    async with running(pipeline, slots=2) as here:
        node = await here.registered()
        for number in range(3):
            await node.send(job(job_id=f"j{number}"))
        arrived = [await node.next() for _ in range(5)]
        assert {each.job_id for each in arrived if isinstance(each, JobAck)} == {"j0", "j1", "j2"}
        assert {each.job_id for each in arrived if isinstance(each, JobStarted)} == {"j0", "j1"}
        beat = await heartbeat(node)
        assert beat.resource_usage.running_jobs == 3
        assert {each.job_id for each in beat.running_attempts or []} == {"j0", "j1", "j2"}
        pipeline.release("j1", "j2")
        ended = [await node.next_of(JobResult) for _ in range(2)]
        assert [each.text_asr for each in ended] == ["j1/1", "j2/1"]
        pipeline.release("j0")
        assert (await node.next_of(JobResult)).job_id == "j0"
        assert (await heartbeat(node)).resource_usage.running_jobs == 0


@in_loop
async def test_a_node_counts_the_jobs_beyond_its_slots() -> None:
    """The ledger cannot see an attempt that it gave up and nobody could stop: the node says so itself."""
    pipeline = StepwisePipeline()
    async with running(pipeline, slots=2) as here:
        node = await here.registered()
        for number in range(2):
            await node.send(job(job_id=f"j{number}"))
        await heartbeat(node)
        assert here.agent.overcommitted == 0
        await node.send(job(job_id="beyond"))
        await heartbeat(node)
        assert here.agent.overcommitted == 1
        await node.send(JobCancel(job_id="j0"))  # it is not to be answered any more
        await node.send(JobCancel(job_id="j1"))
        await node.send(job(job_id="in-its-place"))
        await heartbeat(node)
        assert here.agent.overcommitted == 1
        pipeline.release("j0", "j1", "beyond", "in-its-place")


@in_loop
async def test_refuses_what_its_queue_cannot_hold() -> None:
    pipeline = StepwisePipeline()
    jobs = [f"j{number}" for number in range(2 + 2 * QUEUE_PER_SLOT)]
    async with running(pipeline, slots=2) as here:
        node = await here.registered()
        for job_id in [*jobs, "one-too-many"]:
            await node.send(job(job_id=job_id))
        refusal = await node.next_of(JobResult)
        assert refusal.job_id == "one-too-many"
        assert not refusal.success and refusal.error is not None and refusal.error.code == "NODE_OVERLOADED"
        pipeline.release(*jobs)
        assert {(await node.next_of(JobResult)).job_id for _ in jobs} == set(jobs)


@in_loop
async def test_an_attempt_delivered_twice_is_done_once() -> None:
    pipeline = StepwisePipeline()
    async with running(pipeline) as here:
        node = await here.registered()
        for _ in range(2):
            await node.send(job(job_id="j"))
        pipeline.release("j")
        await node.next_of(JobResult)
        await node.send(job(job_id="j"))  # once more, after its end
        await node.send(job(job_id="j", attempt_id=2))
        assert (await node.next_of(JobResult)).text_asr == "j/2"
        assert list(pipeline.begun.queue) == ["j", "j"]


@in_loop
async def test_a_cancelled_job_is_never_answered() -> None:
    pipeline = StepwisePipeline()
    async with running(pipeline, slots=1) as here:
        node = await here.registered()
        for job_id in ("runs", "waits", "stays"):
            await node.send(job(job_id=job_id))
        await node.next_of(JobStarted)
        await node.send(JobCancel(job_id="runs", reason="job_timeout"))
        await node.send(JobCancel(job_id="waits"))
        beat = await heartbeat(node)
        # The cancelled one is in its thread until the pipeline looks up: it takes a slot, unanswered.
        assert beat.resource_usage.running_jobs == 2
        assert [each.job_id for each in beat.running_attempts or []] == ["stays"]
        pipeline.release("runs", "waits", "stays")
        assert (await node.next_of(JobResult)).job_id == "stays"
        assert (await heartbeat(node)).resource_usage.running_jobs == 0
        assert list(pipeline.begun.queue) == ["runs", "stays"]


@in_loop
async def test_a_failure_goes_back_with_the_pipelines_own_code() -> None:
    async with running(EchoPipeline(PipelineOptions())) as here:
        node = await here.registered()
        await node.send(job(b"fail:NMT_TIMEOUT:too slow today"))
        result = await node.next_of(JobResult)
    assert not result.success and result.text_asr is None
    assert result.error is not None
    assert (result.error.code, result.error.message) == ("NMT_TIMEOUT", "too slow today")


class Broken(StepwisePipeline):
    def process(self, job: JobAssign, progress: Progress) -> PipelineResult:
        if job.job_id == "refused":
            raise PipelineError("MODEL_NOT_AVAILABLE", "not this one", {"service_id": "x"})
        raise ZeroDivisionError


@in_loop
async def test_a_pipeline_that_breaks_fails_its_job_and_not_the_node(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(Broken()) as here:
        node = await here.registered()
        await node.send(job(job_id="broken"))
        broken = await node.next_of(JobResult)
        await node.send(job(job_id="refused"))
        refused = await node.next_of(JobResult)
    assert broken.error is not None and broken.error.code == "PROCESSING_ERROR"
    assert "ZeroDivisionError" in caplog.text and "ZeroDivision" not in broken.error.message
    assert refused.error is not None and refused.error.details == {"service_id": "x"}


class Talkative(StepwisePipeline):
    def process(self, job: JobAssign, progress: Progress) -> PipelineResult:
        return PipelineResult(text_asr="blah", tts_audio=bytes(MAX_SPEECH_BYTES + 1))


@in_loop
async def test_speech_too_long_to_send_is_a_failure_and_not_a_broken_connection() -> None:
    """The server closed over the oversized answer, and again when it was sent once more."""
    async with running(Talkative()) as here:
        node = await here.registered()
        await node.send(job())
        result = await node.next_of(JobResult)
    assert result.error is not None and result.error.code == "PROCESSING_ERROR"


@in_loop
async def test_jobs_run_at_the_same_time() -> None:
    pipeline = StepwisePipeline()
    async with running(pipeline, slots=4) as here:
        node = await here.registered()
        jobs = [f"j{number}" for number in range(4)]
        for job_id in jobs:
            await node.send(job(job_id=job_id))
        begun = {await asyncio.to_thread(pipeline.begun.get, timeout=10) for _ in jobs}
        assert begun == set(jobs)
        pipeline.release(*jobs)
        assert {(await node.next_of(JobResult)).job_id for _ in jobs} == begun
