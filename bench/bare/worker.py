"""The worker of the bare path: carries results from the outbox to the inbox of the instance they are for."""

import os
from typing import Any

import redis
from celery import Celery

_URL = os.environ["REDIS_URL"]
app = Celery("bare", broker=_URL)
app.conf.update(
    task_ignore_result=True, worker_prefetch_multiplier=4, task_acks_late=True,
    broker_connection_retry_on_startup=True,
)  # fmt: skip
_redis = redis.Redis.from_url(_URL)


@app.task(name="drain")  # type: ignore[untyped-decorator]
def drain() -> None:
    """Carry on until the outbox is empty; the mark is looked behind once more, so that nothing stays."""
    while True:
        entries: Any = _redis.lpop("bare:outbox", 500)
        if entries:
            _carry(entries)
            continue
        _redis.delete("bare:awake")
        if not _redis.llen("bare:outbox") or not _redis.set("bare:awake", 1, nx=True, ex=5):
            return


def _carry(entries: list[bytes]) -> None:
    inboxes: dict[bytes, list[bytes]] = {}
    for entry in entries:
        instance, _, message = entry.partition(b"|")
        inboxes.setdefault(instance, []).append(message)
    pipeline = _redis.pipeline(transaction=False)
    for instance, messages in inboxes.items():
        pipeline.rpush(b"bare:inbox:" + instance, *messages)
    pipeline.execute()
