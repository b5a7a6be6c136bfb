"""A task that goes on in a new message."""

import logging

from celery import Task
from kombu.exceptions import OperationalError

from tasks.names import EXPIRES_S

_log = logging.getLogger(__name__)


def again(task: Task, *args: int) -> None:
    """Publish a task to be done again; where the broker fails, its other publishers do so later."""
    try:
        task.apply_async(args, expires=EXPIRES_S)
    except OperationalError as error:
        _log.warning("%s goes on later: the broker takes no messages (%s)", task.name, error)
