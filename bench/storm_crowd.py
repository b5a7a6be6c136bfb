"""Thousands of clients that connect in the same moment, in a process of their own; its last line is JSON.

Each opens a session, and when it is turned away comes back as it was told, stretched by a random part as
the client of this project does. The WebSocket protocol is spoken by hand: a library would cost more here than
there.
"""

import argparse
import asyncio
import base64
import json
import os
import random
import struct
from collections import Counter
from time import perf_counter

from agent.backoff import HINT_SPREAD, hint_s
from bench.figures import quantile

_INIT = {
    "type": "session_init", "client_version": "bench", "platform": "web", "src_lang": "en", "tgt_lang": "pt",
    "resumable": True,
}  # fmt: skip
_RETRY_S = 1.0
_PATIENCE_S = 30.0


class Crowd:
    """So many clients, and what became of them."""

    def __init__(self, port: int, clients: int) -> None:
        self._port = port
        self._clients = clients
        self._hall = asyncio.Event()
        self._door = asyncio.Semaphore(50)
        self._began_s = 0.0
        self.inside_s: list[float] = []
        """When each had its session, from the beginning, s."""
        self.refused = 0
        self.turned_away: list[int] = []
        """How often each was."""
        self.errors: Counter[str] = Counter()

    async def run(self) -> None:
        """Come, all at once; stay until the last one is in, and a moment longer."""
        self._began_s = perf_counter()
        clients = [asyncio.create_task(self._come()) for _ in range(self._clients)]
        while len(self.inside_s) < self._clients and not all(client.done() for client in clients):
            await asyncio.sleep(0.05)
        print("inside", flush=True)
        await asyncio.sleep(2)
        self._hall.set()
        await asyncio.gather(*clients)

    async def _come(self) -> None:
        refusals = 0
        while True:
            try:
                hint = await self._try()
            except (OSError, EOFError, TimeoutError, asyncio.IncompleteReadError) as error:
                self.errors[type(error).__name__] += 1
                hint = _RETRY_S
            else:
                if hint is None:
                    self.turned_away.append(refusals)
                    return
                refusals += 1
            await asyncio.sleep(hint * (1 + HINT_SPREAD * random.random()))

    async def _try(self) -> float | None:
        """Open a session and stay; or give the time to come back after, s."""
        async with self._door:  # each asks as soon as it is connected, as if it had a machine of its own
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(_handshake())
        try:
            async with asyncio.timeout(_PATIENCE_S):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                if not head.startswith("HTTP/1.1 101"):
                    self.refused += 1
                    return hint_s((await reader.read()).decode()) or _RETRY_S
                writer.write(_frame(json.dumps(_INIT).encode()))
                opcode, _ = await _read_frame(reader)
                if opcode != 1:
                    raise EOFError
            self.inside_s.append(perf_counter() - self._began_s)
            staying = asyncio.create_task(_answer_pings(reader, writer))
            await self._hall.wait()
            staying.cancel()
            return None
        finally:
            writer.close()


async def _answer_pings(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        opcode, _ = await _read_frame(reader)
        if opcode == 9:
            writer.write(b"\x8a\x80" + bytes(4))


def _handshake() -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        "GET /ws/session HTTP/1.1", "Host: storm", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode()


def _frame(payload: bytes) -> bytes:
    """Give a masked text frame of a few bytes up to 65535; a mask of zeros is one as well."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + struct.pack("!H", size)
    return b"\x81" + length + bytes(4) + payload


async def _read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, size = await reader.readexactly(2)
    if size > 125:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
    return first & 15, await reader.readexactly(size)


def main() -> None:
    """Run one crowd and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=int, required=True)
    args = parser.parse_args()
    crowd = Crowd(args.port, args.clients)
    asyncio.run(crowd.run())
    figures = {
        "clients": args.clients, "inside": len(crowd.inside_s), "all_inside_s": quantile(crowd.inside_s, 1.0),
        "inside_s_p50": quantile(crowd.inside_s, 0.5), "handshakes_refused": crowd.refused,
        "refusals_of_one_client_most": max(crowd.turned_away, default=0), "errors": dict(crowd.errors),
    }  # fmt: skip
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
