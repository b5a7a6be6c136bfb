"""The server's side of a node's socket, for tests to play by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from websockets.asyncio.server import Server, ServerConnection, serve

from scheduling.messages import (
    Message,
    NodeRegister,
    NodeRegisterAck,
    dump,
    parse_node_message,
)

M = TypeVar("M", bound=Message)

#: Everything here happens on one machine; only a fault takes this long.
PATIENCE_S = 20.0


class NodeSide:
    """One connection of a node, as the server sees it."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket

    async def send(self, message: Message) -> None:
        await self.socket.send(dump(message))

    async def next(self) -> Message:
        """The next message, whatever it is."""
        async with asyncio.timeout(PATIENCE_S):
            return parse_node_message(await self.socket.recv())

    async def next_of(self, kind: type[M]) -> M:
        """The next message of that class; others are passed over."""
        while True:
            message = await self.next()
            if isinstance(message, kind):
                return message

    async def register(self, node_id: str = "node-1", *, result_acks: bool = False) -> NodeRegister:
        """Take the node in. A heartbeat follows, and results that are ready may come before it."""
        registration = await self.next_of(NodeRegister)
        ack = NodeRegisterAck(node_id=registration.node_id or node_id, result_acks=result_acks)
        await self.send(ack)
        return registration

    async def closed(self) -> int | None:
        """Wait for the node to close; its close code."""
        async with asyncio.timeout(PATIENCE_S):
            await self.socket.wait_closed()
        return self.socket.close_code

    def stop_reading(self) -> None:
        """Leave what the node sends in the kernel: no message is read, no ping answered."""
        self.socket.transport.pause_reading()

    def cut(self) -> None:
        """Break the connection without a word."""
        self.socket.transport.abort()


class Dispatcher:
    """A server that hands each connection to the test."""

    def __init__(self) -> None:
        self._connections: asyncio.Queue[NodeSide] = asyncio.Queue()
        self._server: Server | None = None

    @classmethod
    @asynccontextmanager
    async def listen(cls, **options: Any) -> AsyncIterator["Dispatcher"]:
        """Listen on a free port; the options are `websockets`' own."""
        dispatcher = cls()
        async with serve(dispatcher._accept, "127.0.0.1", 0, **options) as server:
            dispatcher._server = server
            yield dispatcher

    @property
    def url(self) -> str:
        assert self._server is not None
        port = next(iter(self._server.sockets)).getsockname()[1]
        return f"ws://127.0.0.1:{port}/ws/node"

    async def connection(self) -> NodeSide:
        """The next node that connects."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._connections.get()

    async def _accept(self, socket: ServerConnection) -> None:
        await self._connections.put(NodeSide(socket))
        await socket.wait_closed()
