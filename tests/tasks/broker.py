"""What tests look at in a broker, past Celery and kombu."""

import json
from typing import Any

import redis
from celery import Celery

from scheduling.settings import Settings
from tasks.configuration import make_app

PREFIX = "sd-0-"


def app_on(url: str, **settings: object) -> Celery:
    """Make the Celery app of a process that has this broker; its ledger is nowhere."""
    stated = {"redis_url": "redis://127.0.0.1:1", "celery_broker_url": url} | settings
    return make_app(Settings.model_validate(stated))


def waiting(url: str, queue: str) -> int:
    """How many messages wait in a queue."""
    with redis.Redis.from_url(url, socket_timeout=5.0) as client:
        return int(client.llen(f"{PREFIX}{queue}"))


def clients(url: str) -> int:
    """How many connections of ours a broker has."""
    with redis.Redis.from_url(url, socket_timeout=5.0) as client:
        return sum(each["name"] == "speech-dispatch-celery" for each in client.client_list())


def newest_message(url: str, queue: str) -> Any:
    """Give the newest message that waits in a queue."""
    with redis.Redis.from_url(url, socket_timeout=5.0) as client:
        return json.loads(str(client.lindex(f"{PREFIX}{queue}", 0), "utf-8"))
