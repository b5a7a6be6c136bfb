"""The configuration of Celery: JSON, no results, late acknowledgement, a queue each for control and drain.

Time limits and time-outs are set knowingly:

* every task is a bounded look at Redis (a drain works ``drain_ms``), so 20 s means that it hangs;
* a message comes back when its worker died (`tasks.broker`), later than any task ends;
* nothing is retried by Celery: what a task did not finish is still in the outbox, and looked at again;
* a message older than 10 s is void: the web process publishes again while there is something to do.
"""

from typing import Any

from celery import Celery
from kombu.entity import Exchange, Queue

from scheduling.settings import Settings
from tasks.broker import broker_url, tls_options, transport_options
from tasks.names import (
    ASSIGN_POOLS,
    CONTROL,
    DRAIN,
    DRAIN_ALL,
    EXPIRES_S,
    PRUNE_POOLS,
    REFRESH_SNAPSHOT,
    RELOAD_POOLS,
    SETTLE,
)

TASK_TIMEOUT_S = 20
SOFT_TIMEOUT_S = 15

#: The second line: each of these is also done by somebody else, sooner. Period in s and queue.
PERIODIC = {
    SETTLE: (1.0, CONTROL),
    ASSIGN_POOLS: (5.0, CONTROL),
    REFRESH_SNAPSHOT: (30.0, CONTROL),
    RELOAD_POOLS: (5.0, CONTROL),
    DRAIN_ALL: (5.0, DRAIN),
    PRUNE_POOLS: (3600.0, CONTROL),
}


def make_app(settings: Settings) -> Celery:
    """Build the app for the broker of these settings. Raises `ValueError` for a URL that is none."""
    app = Celery(
        "speech_dispatch",
        include=["tasks.control", "tasks.drain", "tasks.heard", "tasks.leaving", "tasks.logs"],
    )
    app.conf.update(_broker(settings) | _TASKS | _WORKER | _BEAT)
    return app


def _broker(settings: Settings) -> dict[str, Any]:
    return {
        "broker_url": broker_url(settings.broker_url),
        "broker_use_ssl": tls_options(settings.broker_url, settings.redis_ca_file),
        "broker_transport_options": transport_options(settings),
        # For ever: a broker that is away for an hour must not end the workers for good.
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # Of RabbitMQ: a worker on a half-open connection is back within half a minute.
        "broker_heartbeat": 15,
    }


_TASKS: dict[str, Any] = {
    "accept_content": ["json"],
    "task_serializer": "json",
    "task_ignore_result": True,
    "task_acks_late": True,
    # A task that kills its worker would be delivered again for ever; the outbox repeats the work anyway.
    "task_reject_on_worker_lost": False,
    # A task that cannot publish is done all the same: the web process publishes while there is a reason.
    "task_publish_retry": False,
    "task_time_limit": TASK_TIMEOUT_S,
    "task_soft_time_limit": SOFT_TIMEOUT_S,
    "task_queues": [Queue(name, Exchange(name), routing_key=name) for name in (CONTROL, DRAIN)],
    "task_default_queue": CONTROL,
    "task_routes": {"tasks.drain.*": {"queue": DRAIN}},
    "task_create_missing_queues": False,
    "timezone": "UTC",
}

_WORKER: dict[str, Any] = {
    # With late acknowledgement: a worker holds no more messages than it works on.
    "worker_prefetch_multiplier": 1,
    "worker_enable_prefetch_count_reduction": False,
    "worker_send_task_events": True,
    # Tasks go on when the broker is lost. They end within drain_ms, their message is void before it is
    # delivered again, and to kill them would hold back the results they claimed until the claim lapses.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
}

_BEAT: dict[str, Any] = {
    "beat_scheduler": "tasks.beat:BoundedScheduler",
    "beat_schedule": {
        name: {"task": name, "schedule": period_s, "options": {"queue": queue, "expires": EXPIRES_S}}
        for name, (period_s, queue) in PERIODIC.items()
    },
}
