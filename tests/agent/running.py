"""A node agent running beside the test, and the server it talks to."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from agent.node import NodeAgent, NodeOptions
from agent.pipelines.base import Pipeline
from scheduling.messages import NodeHeartbeat
from tests.agent.dispatcher import Dispatcher, NodeSide


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a coroutine a test: it runs in an event loop of its own, for at most a minute."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(60):
                await test(**fixtures)

        asyncio.run(bounded())

    return run


@dataclass
class Running:
    """An agent at work; ``task`` ends when its ``run`` does."""

    agent: NodeAgent
    server: Dispatcher
    task: asyncio.Task[None]

    async def registered(self) -> NodeSide:
        """The agent's next connection, registered and with its first heartbeat read."""
        node = await self.server.connection()
        await node.register()
        await node.next_of(NodeHeartbeat)
        return node


@asynccontextmanager
async def running(pipeline: Pipeline, **options: Any) -> AsyncIterator[Running]:
    """Run an agent against a server of the test's own."""
    async with Dispatcher.listen() as server:
        agent = NodeAgent(pipeline, NodeOptions(server.url, **options))
        task = asyncio.create_task(agent.run())
        try:
            yield Running(agent, server, task)
        finally:
            agent.leave()
            agent.leave()
            await asyncio.gather(task, return_exceptions=True)
