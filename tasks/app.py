"""The Celery app: JSON, no results, late acknowledgement, control and drain work on queues of their own.

Time limits and time-outs are set knowingly:

* every task is a bounded look at Redis (a drain works ``drain_ms``), so 20 s means it hangs;
* a message comes back after 60 s if its worker died (``visibility_timeout``, longer than any task);
* nothing is retried by Celery: what a task did not finish is still in the outbox and looked at again;
* a message older than 10 s is void: the web process publishes again while there is something to do.
"""

import logging

from celery import Celery
from celery.signals import after_setup_logger
from kombu.entity import Exchange, Queue

from scheduling.settings import Settings, get_settings
from tasks.names import CONTROL, DRAIN, EXPIRES_S

TASK_TIMEOUT_S = 20
VISIBILITY_TIMEOUT_S = 60
BROKER_TIMEOUT_S = 5.0


def make_app(settings: Settings) -> Celery:
    """Build the app for a broker."""
    app = Celery("speech_dispatch", broker=settings.broker_url, include=["tasks.control", "tasks.drain"])
    transport = {
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        "socket_timeout": BROKER_TIMEOUT_S,
        "socket_connect_timeout": BROKER_TIMEOUT_S,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "global_keyprefix": f"sd-{settings.cell}-",
    }
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_acks_late=True,
        # A task that kills its worker would be delivered again for ever; the outbox repeats it anyway.
        task_reject_on_worker_lost=False,
        task_time_limit=TASK_TIMEOUT_S,
        task_soft_time_limit=TASK_TIMEOUT_S - 5,
        task_queues=[Queue(name, Exchange(name), routing_key=name) for name in (CONTROL, DRAIN)],
        task_default_queue=CONTROL,
        task_routes={"tasks.drain.*": {"queue": DRAIN}},
        task_create_missing_queues=False,
        worker_prefetch_multiplier=1,
        worker_send_task_events=True,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_hijack_root_logger=True,
        broker_connection_retry_on_startup=True,
        broker_transport_options=transport,
        timezone="UTC",
        beat_schedule=_beat_schedule(),
    )
    return app


def _beat_schedule() -> dict[str, dict[str, object]]:
    """Give the second line: each of these is also done by somebody else, sooner."""
    every = {
        "tasks.control.settle": 1.0,
        "tasks.control.assign_pools": 5.0,
        "tasks.control.refresh_snapshot": 30.0,
        "tasks.drain.drain_all": 5.0,
    }
    return {
        name: {"task": name, "schedule": period_s, "options": {"expires": EXPIRES_S}}
        for name, period_s in every.items()
    }


@after_setup_logger.connect
def _quieten(**_: object) -> None:
    """Leave out the two lines that Celery logs for each of many wake-ups a second; Flower shows them."""
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)


app = make_app(get_settings())
