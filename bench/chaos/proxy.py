"""A proxy between peers and a web process, whose connections can be cut, delayed, stalled and throttled."""

import asyncio
import random
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress

from web.command.ports import LOOPBACK

_BATCH = 1 << 16
#: Linger of no time: closing then resets the connection instead of ending it in order.
_RESET = struct.pack("ii", 1, 0)


class Weather:
    """What a connection has to go through, each until told otherwise."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.bytes_per_s = 0.0
        self._passable = asyncio.Event()
        self._passable.set()

    def stall(self, stalled: bool) -> None:
        """Let nothing through, while the connection stays open; or go on."""
        if stalled:
            self._passable.clear()
        else:
            self._passable.set()

    def clear(self) -> None:
        """Let everything through at once, as in the beginning."""
        self.delay_s = self.bytes_per_s = 0.0
        self._passable.set()

    async def pass_through(self, size: int) -> None:
        """Wait as long as so many bytes have to."""
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.bytes_per_s:
            await asyncio.sleep(size / self.bytes_per_s)
        await self._passable.wait()


class _Carried:
    """One connection: a socket on each side, and what is between them."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.weather = Weather()
        self._sides = near, far

    def cut(self, *, reset: bool) -> None:
        for side in self._sides:
            if reset:
                with suppress(OSError):
                    side.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                side.transport.abort()
            else:
                side.close()

    async def carry(self, near: asyncio.StreamReader, far: asyncio.StreamReader) -> None:
        """Carry bytes both ways until one side ends; then both do."""
        ways = [
            asyncio.create_task(self._carry(near, self._sides[1])),
            asyncio.create_task(self._carry(far, self._sides[0])),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self.cut(reset=False)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(_BATCH):
                await self.weather.pass_through(len(data))
                sink.write(data)
                await sink.drain()


class Proxy:
    """Listens on a port of its own; faults hit a share of the connections that are open then."""

    def __init__(self, target_port: int, seed: int = 0) -> None:
        self.port = 0
        self._target_port = target_port
        self._random = random.Random(seed)
        self._carried: dict[_Carried, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._accept, LOOPBACK, 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Cut everything and listen no more."""
        assert self._server is not None
        self._server.close()
        for carried in self._carried:
            carried.weather.clear()
            carried.cut(reset=True)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def __len__(self) -> int:
        return len(self._carried)

    def cut(self, share: float, *, reset: bool) -> int:
        """End a share of the connections, by a reset or in order; gives how many."""
        chosen = self._choose(share)
        for carried in chosen:
            carried.cut(reset=reset)
        return len(chosen)

    async def hold(
        self,
        share: float,
        for_s: float,
        *,
        stall: bool = False,
        delay_s: float = 0.0,
        bytes_per_s: float = 0.0,
    ) -> int:
        """Stall, delay or throttle a share of the connections for a while; gives how many."""
        chosen = [carried.weather for carried in self._choose(share)]
        for weather in chosen:
            weather.delay_s, weather.bytes_per_s = delay_s, bytes_per_s
            weather.stall(stall)
        try:
            await asyncio.sleep(for_s)
        finally:
            _clear(chosen)
        return len(chosen)

    def _choose(self, share: float) -> list[_Carried]:
        count = min(len(self._carried), max(1, round(share * len(self._carried))))
        return self._random.sample(list(self._carried), count)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self._target_port)
        except OSError:
            writer.transport.abort()
            return
        carried = _Carried(writer, far_writer)
        self._carried[carried] = None
        try:
            await carried.carry(reader, far_reader)
        finally:
            del self._carried[carried]


def _clear(chosen: Iterable[Weather]) -> None:
    for weather in chosen:
        weather.clear()
