"""Results that wait for the server."""

import asyncio

from agent.link import Link
from agent.outbox import KEEP_S, Outbox
from agent.pipelines.base import PipelineResult
from agent.replies import success
from tests.agent.jobs import job
from tests.agent.running import in_loop


@in_loop
async def test_keeps_results_while_the_line_is_down() -> None:
    outbox = Outbox()
    outbox.put(success(job(job_id="a"), "node-1", PipelineResult(), 1))
    await outbox.deliver(Link())
    assert [each.job_id for each in outbox.attempts()] == ["a"]


@in_loop
async def test_forgets_what_is_of_no_use_any_more() -> None:
    clock = [1000.0]
    outbox = Outbox(lambda: clock[0])
    outbox.put(success(job(job_id="old"), "node-1", PipelineResult(), 1))
    clock[0] += KEEP_S
    outbox.put(success(job(job_id="new"), "node-1", PipelineResult(), 1))
    clock[0] += 1
    assert [each.job_id for each in outbox.attempts()] == ["new"]


@in_loop
async def test_is_empty_when_nobody_wants_the_results() -> None:
    outbox = Outbox()
    for attempt_id in (1, 2):
        outbox.put(success(job(job_id="a", attempt_id=attempt_id), "node-1", PipelineResult(), 1))
    outbox.drop("b")
    assert len(outbox.attempts()) == 2
    outbox.drop("a")
    async with asyncio.timeout(1):
        await outbox.wait_empty()
    assert outbox.attempts() == []
