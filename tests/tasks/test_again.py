"""A task that goes on in a new message, or later."""

import logging

import pytest
from celery import Celery, Task

from tasks.again import again
from tasks.names import DRAIN, DRAIN_RESULTS
from tests.tasks.broker import app_on, newest_message
from tests.valkey import Valkey, free_port


def task_of(app: Celery) -> Task:
    def drain(shard: int) -> int:
        return shard

    return app.task(name=DRAIN_RESULTS)(drain)


def test_it_goes_on_in_its_own_queue_and_is_void_in_the_end(own_valkey: Valkey) -> None:
    app = app_on(own_valkey.url)
    again(task_of(app), 3)
    app.pool.force_close_all()
    message = newest_message(own_valkey.url, DRAIN)
    assert message["headers"]["argsrepr"] == "(3,)"
    assert message["headers"]["expires"]


def test_a_broker_that_refuses_is_no_failure_of_the_task(caplog: pytest.LogCaptureFixture) -> None:
    """What it did is done; it was found undone by others, and counted as failed."""
    app = app_on(f"redis://127.0.0.1:{free_port()}")
    with caplog.at_level(logging.WARNING):
        again(task_of(app), 3)
    assert "goes on later" in caplog.text
    app.pool.force_close_all()
