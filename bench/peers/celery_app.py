"""Celery with its results on the same Redis: early acknowledgement, prefetching, no events, short results."""

import os

from celery import Celery

_URL = os.environ["REDIS_URL"]
app = Celery("bench_peer", broker=_URL, backend=_URL)
app.conf.update(
    task_serializer="json", result_serializer="json", accept_content=["json"], result_expires=60,
    worker_prefetch_multiplier=64, worker_send_task_events=False, broker_connection_retry_on_startup=True,
)  # fmt: skip


@app.task(name="echo")  # type: ignore[untyped-decorator]
def echo(payload: str) -> str:
    """Give back what came."""
    return payload
