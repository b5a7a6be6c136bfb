"""What workers and beat write: that they are ready and what went wrong, not every single wake-up."""

import logging
from typing import Any

from celery.signals import after_setup_logger
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

#: They say that a task has come, or was void: Flower shows them all.
_CHATTY = ("celery.worker.strategy", "celery.worker.request")
#: They tell the loss of the broker with a hundred lines of how kombu came to know.
_LENGTHY = ("celery.worker.consumer.consumer", "celery.worker.request")
_LOST = (OSError, OperationalError, RedisError)


@after_setup_logger.connect
def quieten(loglevel: int = logging.INFO, **_: Any) -> None:
    """Leave out what is said of every single task, unless everything is wanted (``--loglevel DEBUG``)."""
    if loglevel <= logging.DEBUG:
        return
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _LENGTHY:
        logging.getLogger(name).addFilter(_in_a_line)
    logging.getLogger("celery.app.trace").addFilter(_is_no_success)
    logging.getLogger("py.warnings").addFilter(_is_no_advice)


def _in_a_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, _LOST):
        record.msg, record.args = f"{record.getMessage()} ({error})", ()
        record.exc_info = None
    return True


def _is_no_success(record: logging.LogRecord) -> bool:
    return " succeeded in " not in record.msg


def _is_no_advice(record: logging.LogRecord) -> bool:
    """At each loss of the broker Celery advises to decide on a setting, though ours is decided."""
    return "CPendingDeprecationWarning" not in record.getMessage()
