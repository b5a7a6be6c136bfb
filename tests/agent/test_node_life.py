"""A node's life: registration, heartbeats, lost sockets, draining; seen by the server on a real socket."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from agent.node import NodeAgent, NodeOptions, NodeRefused
from agent.pipelines.base import PipelineOptions
from agent.pipelines.echo import EchoPipeline
from agent.presence import Identity
from scheduling.messages import (
    ErrorMessage,
    JobAck,
    JobResult,
    JobStarted,
    NodeControl,
    NodeDrain,
    NodeHeartbeat,
    NodeRegister,
    NodeRegisterAck,
    NodeStatus,
    NodeStatusMessage,
    ServiceType,
)
from tests.agent.dispatcher import Dispatcher
from tests.agent.jobs import job
from tests.agent.running import in_loop, running
from tests.agent.stepwise import StepwisePipeline


def echo(**options: object) -> EchoPipeline:
    return EchoPipeline(PipelineOptions(**options))  # type: ignore[arg-type]


@in_loop
async def test_registers_with_what_it_can_do() -> None:
    identity = Identity(credential="secret", accept_public_jobs=False, heartbeat_interval_s=7.5)
    async with running(echo(pairs="en-pt,pt-en"), slots=3, identity=identity) as here:
        said = await (await here.server.connection()).next_of(NodeRegister)
    assert said.node_id is None
    assert said.capability_schema_version == "2.0"
    assert said.hardware.cpu_cores >= 1 and said.hardware.memory_gb >= 1 and said.hardware.gpus is not None
    assert (said.max_concurrent_jobs, said.heartbeat_interval_s) == (3, 7.5)
    assert said.acknowledges and said.resumable and said.running_attempts == []
    assert (said.credential, said.accept_public_jobs) == ("secret", False)
    ready = {each.type: each.ready for each in said.capability_by_type}
    assert ready == {
        ServiceType.ASR: True,
        ServiceType.NMT: True,
        ServiceType.TTS: True,
        ServiceType.TONE: False,
        ServiceType.SEMANTIC: False,
    }
    languages = said.language_capabilities
    assert languages is not None and languages.supported_language_pairs is not None
    assert [(pair.src, pair.tgt) for pair in languages.supported_language_pairs] == [
        ("en", "pt"),
        ("pt", "en"),
    ]


@in_loop
async def test_of_several_servers_the_next_one_is_dialled_after_a_loss() -> None:
    """A node knew one server. While that one restarted it waited, though others would have had it."""
    async with Dispatcher.listen() as one, Dispatcher.listen() as other:
        agent = NodeAgent(echo(), NodeOptions(f"{one.url}, {other.url}"))
        task = asyncio.create_task(agent.run())
        for server in (one, other, one):
            node = await server.connection()
            await node.register()
            node.cut()
        agent.leave()
        await task


@in_loop
async def test_a_server_that_wants_it_later_does_not_keep_a_node_from_the_others() -> None:
    """Rolling restarts sent a whole fleet away for up to 6 s each time, from the one server that had it all,
    while the other one had nobody to give work to."""
    async with Dispatcher.listen() as one, Dispatcher.listen() as other:
        agent = NodeAgent(echo(), NodeOptions(f"{one.url},{other.url}"))
        task = asyncio.create_task(agent.run())
        node = await one.connection()
        await node.register()
        await node.socket.close(1012, "restart, come back in 300 s")
        await (await other.connection()).register()
        agent.leave()
        await task


@in_loop
async def test_heartbeats_at_once_and_then_at_its_interval() -> None:
    async with running(echo(), identity=Identity(heartbeat_interval_s=0.05)) as here:
        node = await here.server.connection()
        await node.next_of(NodeRegister)
        await node.send(NodeRegisterAck(node_id="node-9"))
        beats = [await node.next() for _ in range(3)]
    for beat in beats:
        assert isinstance(beat, NodeHeartbeat)
        assert beat.node_id == "node-9"
        assert 0 <= beat.resource_usage.cpu_percent <= 100
        assert 0 < beat.resource_usage.mem_percent <= 100
        assert beat.resource_usage.gpu_percent is None
        assert not beat.draining and beat.running_attempts == []
        assert len(beat.installed_services) == 3


@in_loop
async def test_comes_back_with_its_id_and_its_unfinished_work() -> None:
    """The earlier agent dropped results while its socket was down, so the job was done twice."""
    pipeline = StepwisePipeline()
    async with running(pipeline, slots=2) as here:
        node = await here.registered()
        for job_id in ("ends-while-away", "ends-later"):
            await node.send(job(job_id=job_id))
        for _ in range(2):
            await node.next_of(JobStarted)
        node.cut()
        pipeline.release("ends-while-away")
        await asyncio.to_thread(pipeline.ended.get, timeout=10)
        node = await here.server.connection()
        said = await node.register()
        assert said.node_id == "node-1"
        assert {each.job_id for each in said.running_attempts or []} == {"ends-while-away", "ends-later"}
        assert (await node.next_of(JobResult)).job_id == "ends-while-away"
        pipeline.release("ends-later")
        assert (await node.next_of(JobResult)).job_id == "ends-later"


@in_loop
async def test_a_dead_line_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node whose network drops everything learned of it after 40 s, at whatever interval it beats."""
    monkeypatch.setattr("agent.node.SHORTEST_PONG_S", 0.3)
    async with running(echo(), identity=Identity(heartbeat_interval_s=0.2)) as here:
        node = await here.registered()
        node.stop_reading()
        await (await here.server.connection()).register()


@in_loop
async def test_a_result_that_was_written_but_never_read_is_sent_again() -> None:
    """A write into a socket whose other end is gone succeeds; only an answered ping proves anything."""
    pipeline = StepwisePipeline()
    async with running(pipeline) as here:
        node = await here.registered()
        await node.send(job(job_id="unread"))
        await node.next_of(JobStarted)
        node.stop_reading()
        pipeline.release("unread")
        await asyncio.to_thread(pipeline.ended.get, timeout=10)
        node.cut()
        node = await here.server.connection()
        said = await node.register()
        assert [each.job_id for each in said.running_attempts or []] == ["unread"]
        assert (await node.next_of(JobResult)).text_asr == "unread/1"


@in_loop
async def test_a_result_the_server_has_read_is_not_sent_again() -> None:
    async with running(echo()) as here:
        node = await here.registered()
        await node.send(job(job_id="read"))
        await node.next_of(JobResult)
        # The ping behind the first result was on its way before this second one.
        await node.send(job(job_id="also-read"))
        await node.next_of(JobResult)
        await node.socket.close(1012, "restart, come back in 0.1 s")
        said = await (await here.server.connection()).register()
        assert "read" not in {each.job_id for each in said.running_attempts or []}


@pytest.mark.parametrize("code", ["INVALID_CAPABILITY_SCHEMA", "NO_GPU_AVAILABLE", "NODE_ID_CONFLICT"])
def test_gives_up_when_the_server_will_never_have_it(code: str) -> None:
    @in_loop
    async def scene() -> None:
        async with running(echo()) as here:
            node = await here.server.connection()
            await node.next_of(NodeRegister)
            await node.send(ErrorMessage(code=code, message="The sentence that helps."))
            with pytest.raises(NodeRefused, match=f"{code}: The sentence that helps"):
                await here.task

    scene()


@in_loop
async def test_tries_again_after_an_error_that_may_pass() -> None:
    async with running(echo()) as here:
        node = await here.server.connection()
        await node.next_of(NodeRegister)
        await node.send(ErrorMessage(code="SCHEDULER_DEPENDENCY_DOWN", message="come back in 0.1 s"))
        assert await (await here.server.connection()).register()


@pytest.mark.parametrize(("code", "name"), [(4001, "REPLACED"), (1008, "NOT_ADMITTED")])
def test_stays_away_when_told_to(code: int, name: str) -> None:
    """Two processes under one id would throw each other out for ever."""

    @in_loop
    async def scene() -> None:
        async with running(echo()) as here:
            node = await here.registered()
            await node.socket.close(code, "Another node serves.")
            with pytest.raises(NodeRefused, match=f"{name}: Another node serves"):
                await here.task

    scene()


@in_loop
async def test_heeds_when_a_server_that_is_going_away_tells_it_to_return() -> None:
    refusals = []

    def refuse_once(socket: ServerConnection, _: Request) -> Response | None:
        refusals.append(socket)
        return socket.respond(503, "Going away; come back in 0.1 s") if len(refusals) == 1 else None

    async with Dispatcher.listen(process_request=refuse_once) as server:
        agent = NodeAgent(echo(), NodeOptions(server.url))
        task = asyncio.create_task(agent.run())
        await (await server.connection()).register()
        agent.leave()
        await task
    assert len(refusals) == 2


@in_loop
async def test_survives_what_it_does_not_understand() -> None:
    async with running(echo()) as here:
        node = await here.registered()
        for frame in ("not json", '{"type": "of_the_future"}', '{"type": "job_assign"}', b"\x00\x01"):
            await node.socket.send(frame)
        await node.send(NodeStatusMessage(node_id="node-1", status=NodeStatus.READY, timestamp=1))
        await node.send(ErrorMessage(code="INVALID_MESSAGE", message="something about before"))
        await node.send(NodeControl(command="dance"))
        await node.send(job())
        assert (await node.next_of(JobResult)).success


@in_loop
async def test_drains_finishes_and_leaves() -> None:
    pipeline = StepwisePipeline()
    async with running(pipeline, slots=1) as here:
        node = await here.registered()
        for job_id in ("runs", "waits"):
            await node.send(job(job_id=job_id))
        await node.next_of(JobStarted)
        here.agent.leave()
        assert (await node.next_of(NodeDrain)).node_id == "node-1"
        assert (await node.next_of(NodeHeartbeat)).draining
        await node.send(job(job_id="crossed"))  # assigned before the server read the notice
        await node.next_of(JobAck)
        pipeline.release("runs", "waits", "crossed")
        assert [(await node.next_of(JobResult)).job_id for _ in range(3)] == ["runs", "waits", "crossed"]
        assert await node.closed() == 1001
        await here.task


@in_loop
async def test_hands_back_what_it_cannot_finish_in_time() -> None:
    pipeline = StepwisePipeline()
    async with running(pipeline, slots=1, drain_s=0.05) as here:
        node = await here.registered()
        for job_id in ("runs", "waits"):
            await node.send(job(job_id=job_id))
        await node.next_of(JobStarted)
        here.agent.leave()
        results = [await node.next_of(JobResult) for _ in range(2)]
        assert {each.job_id for each in results} == {"runs", "waits"}
        assert {each.error.code for each in results if each.error} == {"NODE_UNAVAILABLE"}
        assert await node.closed() == 1001
        pipeline.release("runs")
        await here.task


@in_loop
async def test_leaves_at_once_when_told_twice() -> None:
    pipeline = StepwisePipeline()
    async with running(pipeline, slots=1) as here:
        node = await here.registered()
        await node.send(job(job_id="runs"))
        await node.next_of(JobStarted)
        here.agent.leave()
        here.agent.leave()
        await here.task
        pipeline.release("runs")


@in_loop
async def test_leaves_while_there_is_no_server() -> None:
    async with running(echo()) as here:
        (await here.server.connection()).cut()
        here.agent.leave()
        await here.task


@in_loop
async def test_the_server_can_drain_and_undrain_it() -> None:
    async with running(echo()) as here:
        node = await here.registered()
        await node.send(NodeControl(command="drain", reason="update"))
        assert (await node.next_of(NodeDrain)).reason == "update"
        assert (await node.next_of(NodeHeartbeat)).draining
        node.cut()
        node = await here.server.connection()
        await node.next_of(NodeRegister)
        await node.send(NodeRegisterAck(node_id="node-1"))
        assert isinstance(await node.next(), NodeDrain)  # the new server process does not know
        assert (await node.next_of(NodeHeartbeat)).draining
        await node.send(NodeControl(command="undrain"))
        while (await node.next_of(NodeHeartbeat)).draining:
            pass
