"""Running several coroutines as one thing."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def together(*parts: Coroutine[Any, Any, Any]) -> None:
    """Run until all have ended or one has failed; raise that failure itself, and leave none running.

    A `asyncio.TaskGroup` would wrap the failure in a group, which callers that tell a closed
    connection from a refused one can do nothing with.
    """
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        await stop(*tasks)


async def stop(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks and wait for their end; what they raise is not of interest any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
