"""A result is kept until the server says that it has it on record, where the server says so at all."""

import asyncio

from agent.link import Link
from agent.outbox import Outbox
from agent.pipelines.base import PipelineOptions, PipelineResult
from agent.pipelines.echo import EchoPipeline
from agent.replies import success
from scheduling.messages import JobResult, JobResultAck, Message
from tests.agent.jobs import job
from tests.agent.running import in_loop, running


def echo() -> EchoPipeline:
    return EchoPipeline(PipelineOptions())


@in_loop
async def test_asks_for_acknowledgements_and_keeps_results_until_they_come() -> None:
    """A pong said that a result was read, not that it was recorded: a server that lost it between the two
    lost it for good."""
    async with running(echo()) as here:
        node = await here.server.connection()
        assert (await node.register(result_acks=True)).result_acks
        for job_id in ("recorded", "lost", "late"):
            await node.send(job(job_id=job_id))
            assert (await node.next_of(JobResult)).job_id == job_id
        await node.send(JobResultAck(job_id="recorded", attempt_id=1, accepted=True))
        await node.send(JobResultAck(job_id="late", attempt_id=1, accepted=False))
        await node.socket.close(1012, "restart, come back in 0.1 s")
        node = await here.server.connection()
        said = await node.register(result_acks=True)
        assert [each.job_id for each in said.running_attempts or []] == ["lost"]
        assert (await node.next_of(JobResult)).job_id == "lost"
        await node.send(JobResultAck(job_id="lost", attempt_id=1, accepted=True))
        here.agent.leave()
        assert await node.closed() == 1001


@in_loop
async def test_goes_by_pings_with_a_server_that_does_not_acknowledge() -> None:
    """A restart may put an older server in the place of a newer one."""
    async with running(echo()) as here:
        node = await here.server.connection()
        await node.register(result_acks=True)
        await node.send(job(job_id="kept"))
        await node.next_of(JobResult)
        await node.socket.close(1012, "restart, come back in 0.1 s")
        node = await here.server.connection()
        await node.register()
        assert (await node.next_of(JobResult)).job_id == "kept"
        await node.send(job(job_id="next"))
        await node.next_of(JobResult)
        await node.socket.close(1012, "restart, come back in 0.1 s")
        said = await (await here.server.connection()).register()
        assert "kept" not in {each.job_id for each in said.running_attempts or []}, "the pong was enough"


class _Line(Link):
    """A line that takes everything and tells what it was."""

    def __init__(self) -> None:
        super().__init__("node-1")
        self.result_acks = True
        self.sent: asyncio.Queue[Message] = asyncio.Queue()

    async def send(self, message: Message) -> bool:
        await self.sent.put(message)
        return True


@in_loop
async def test_what_is_not_acknowledged_is_sent_again_over_the_same_line() -> None:
    """The server may have said that its ledger does not answer, and go on with the same connection."""
    outbox, line = Outbox(repeat_s=0.01), _Line()
    result = success(job(job_id="a"), "node-1", PipelineResult(), 1)
    outbox.put(result)
    delivering = asyncio.create_task(outbox.deliver(line))
    assert [await line.sent.get() for _ in range(3)] == [result] * 3
    outbox.acknowledge(JobResultAck(job_id="a", attempt_id=1, accepted=True))
    await outbox.wait_empty()
    assert outbox.attempts() == []
    delivering.cancel()
    await asyncio.gather(delivering, return_exceptions=True)
