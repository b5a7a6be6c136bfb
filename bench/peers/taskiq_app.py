"""Taskiq on Redis streams with results in Redis."""

import os

from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

_URL = os.environ["REDIS_URL"]
broker = RedisStreamBroker(_URL).with_result_backend(
    RedisAsyncResultBackend(_URL, result_ex_time=60, keep_results=False)
)


@broker.task(task_name="echo")
async def echo(payload: str) -> str:
    """Give back what came."""
    return payload
