"""Round trips of Taskiq: so many coroutines that each ask, and look for their result every 2 ms."""

import asyncio
import time
from typing import Any

from bench.load.report import quantiles_ms
from bench.peers.load import Load, read_load, tell
from bench.peers.taskiq_app import broker, echo

_IN_FLIGHT = 50
_LOOK_S = 0.002


async def _round_trip(payload: str) -> None:
    asked = await echo.kiq(payload)
    result = await asked.wait_result(check_interval=_LOOK_S, timeout=60)
    assert result.return_value == payload


async def _many(load: Load, coroutines: int, seconds: float) -> list[float]:
    until_s = time.monotonic() + seconds
    times: list[float] = []

    async def one() -> None:
        while (began_s := time.monotonic()) < until_s:
            await _round_trip(load.payload)
            times.append(time.monotonic() - began_s)

    await asyncio.gather(*(one() for _ in range(coroutines)))
    return times


async def _run(load: Load) -> dict[str, Any]:
    await broker.startup()
    try:
        await _round_trip(load.payload)
        await _many(load, load.in_flight, load.warm_s)
        began_s = time.monotonic()
        times = await _many(load, load.in_flight, load.seconds)
        per_s = round(len(times) / (time.monotonic() - began_s), 1)
        single = await _many(load, 1, load.single_s) if load.single_s else []
        return {"per_s": per_s, "single": quantiles_ms(single)}
    finally:
        await broker.shutdown()


if __name__ == "__main__":
    tell(asyncio.run(_run(read_load(_IN_FLIGHT))))
