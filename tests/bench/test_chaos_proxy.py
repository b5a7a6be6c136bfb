"""The proxy does to connections what it is asked to: seen from both ends of real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench.chaos.proxy import Proxy
from tests.agent.running import in_loop


class Echo:
    """A server that says what it hears."""

    def __init__(self) -> None:
        self.heard = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                self.heard += len(data)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def _proxied() -> AsyncIterator[tuple[Proxy, Echo]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    proxy = Proxy(server.sockets[0].getsockname()[1])
    await proxy.start()
    try:
        yield proxy, echo
    finally:
        await proxy.close()
        server.close()


async def _connect(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    await _said(reader, writer, b"hello")
    return reader, writer


async def _said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: bytes) -> None:
    writer.write(words)
    assert await reader.readexactly(len(words)) == words


@in_loop
async def test_it_carries_bytes_both_ways_and_ends_with_either_side() -> None:
    async with _proxied() as (proxy, _):
        reader, writer = await _connect(proxy)
        assert len(proxy) == 1
        await _said(reader, writer, b"x" * 200_000)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()


@in_loop
async def test_a_reset_is_an_error_at_the_peer_and_a_cut_an_end() -> None:
    async with _proxied() as (proxy, _):
        reader, writer = await _connect(proxy)
        assert proxy.cut(1.0, reset=True) == 1
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        reader, writer = await _connect(proxy)
        assert proxy.cut(1.0, reset=False) == 1
        assert await reader.read() == b""
        writer.close()


@in_loop
async def test_a_share_is_a_share() -> None:
    async with _proxied() as (proxy, _):
        pairs = [await _connect(proxy) for _ in range(10)]
        assert proxy.cut(0.3, reset=False) == 3
        while len(proxy) > 7:
            await asyncio.sleep(0)
        for _, writer in pairs:
            writer.close()


@in_loop
async def test_a_stalled_connection_stays_open_and_goes_on_where_it_was() -> None:
    async with _proxied() as (proxy, echo):
        reader, writer = await _connect(proxy)
        heard = echo.heard
        stalling = asyncio.create_task(proxy.hold(1.0, 3600.0, stall=True))
        await asyncio.sleep(0)
        writer.write(b"are you there?")
        other = await _connect(proxy)  # those that come meanwhile are not meant
        assert echo.heard == heard + len(b"hello")
        stalling.cancel()
        assert await reader.readexactly(14) == b"are you there?"
        for _, each in ((reader, writer), other):
            each.close()


@in_loop
async def test_delayed_and_throttled_bytes_come_later() -> None:
    async with _proxied() as (proxy, _):
        reader, writer = await _connect(proxy)
        loop = asyncio.get_running_loop()
        for delay_s, bytes_per_s in ((0.05, 0.0), (0.0, 2_000.0)):
            held = proxy.hold(1.0, 3600.0, delay_s=delay_s, bytes_per_s=bytes_per_s)
            holding = asyncio.create_task(held)
            await asyncio.sleep(0)
            began_s = loop.time()
            await _said(reader, writer, b"x" * 100)
            assert loop.time() - began_s >= 0.1, "there and back"
            holding.cancel()
        writer.close()


@in_loop
async def test_who_connects_while_nobody_listens_behind_it_is_let_go() -> None:
    proxy = Proxy(1)  # nobody listens there
    await proxy.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await reader.read() == b""
    writer.close()
    await proxy.close()
