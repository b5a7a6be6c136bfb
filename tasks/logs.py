"""What workers and beat write: that they are ready and what went wrong, not every single wake-up."""

import logging
from collections.abc import Callable
from typing import Any

from celery.signals import setup_logging
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from scheduling.logs import configure_logs
from scheduling.settings import get_settings

#: They say that a task has come, or was void: Flower shows them all.
_CHATTY = ("celery.worker.strategy", "celery.worker.request")
#: They tell the loss of the broker with a hundred lines of how kombu came to know.
_LENGTHY = ("celery.worker.consumer.consumer", "celery.worker.request")
#: Different tasks of other versions that are told of.
_MOST_TOLD = 20
_LOST = (OSError, OperationalError, RedisError)


@setup_logging.connect
def set_up(loglevel: int | None = None, **_: Any) -> None:
    """Log as all processes do, with the level of the command line; Celery leaves it to us then.

    What is said of every single task is left out, unless everything is wanted (``--loglevel DEBUG``).
    """
    level = logging.INFO if loglevel is None else loglevel
    configure_logs(level, get_settings().log_format)
    if level > logging.DEBUG:
        _quieten()


def _quieten() -> None:
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _LENGTHY:
        logging.getLogger(name).addFilter(_in_a_line)
    logging.getLogger("celery.worker.consumer.consumer").addFilter(unknown_tasks())
    logging.getLogger("celery.app.trace").addFilter(_is_no_success)
    logging.getLogger("py.warnings").addFilter(_is_no_advice)


def _in_a_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, _LOST):
        record.msg, record.args = f"{record.getMessage()} ({error})", ()
        record.exc_info = None
    return True


def unknown_tasks() -> Callable[[logging.LogRecord], bool]:
    """Make a filter that has the log say once of each task that another version sends that it is skipped.

    Celery prints the message and a trace each time, though nothing is lost: a wake-up only says "look", and
    is repeated until a worker that knows it has looked.
    """
    told: set[str] = set()

    def in_a_line(record: logging.LogRecord) -> bool:
        if not record.getMessage().startswith("Received unregistered task"):
            return True
        task = str(record.args[0]).strip("'") if isinstance(record.args, tuple) else ""
        if task in told or len(told) >= _MOST_TOLD:
            return False
        told.add(task)
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg, record.args, record.exc_info = f"task {task} is skipped: this version has none", (), None
        return True

    return in_a_line


def _is_no_success(record: logging.LogRecord) -> bool:
    return " succeeded in " not in record.msg


def _is_no_advice(record: logging.LogRecord) -> bool:
    """At each loss of the broker Celery advises to decide on a setting, though ours is decided."""
    return "CPendingDeprecationWarning" not in record.getMessage()
