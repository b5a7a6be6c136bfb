"""RabbitMQ as the broker: wake-ups, workers, beat and Flower on a real one, and when it fails.

Where none is installed these are skipped; ``make test-rabbitmq`` installs one.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from kombu.exceptions import OperationalError

from tasks.configuration import PERIODIC
from tasks.names import CONTROL, DRAIN, DRAIN_RESULTS, SETTLE
from tasks.wakeups import MOST_WAITING, Wakeups
from tests.patched import run_patched
from tests.rabbitmq import RabbitMQ, find_server
from tests.stack import wait_until
from tests.tasks.broker import app_on
from tests.tasks.flower import Flower
from tests.tasks.lost_broker import system
from tests.valkey import free_port

pytestmark = [
    pytest.mark.skipif(find_server() is None, reason="no RabbitMQ is installed: make test-rabbitmq"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[RabbitMQ]:
    """Give one node for the tests of a process; each leaves it running."""
    with RabbitMQ() as node:
        yield node


@pytest.fixture(autouse=True)
def _empty(rabbitmq: RabbitMQ) -> None:
    with app_on(rabbitmq.url).connection_for_write() as connection:
        for queue in (CONTROL, DRAIN):
            connection.default_channel.queue_delete(queue=queue)


def waiting(broker: RabbitMQ, queue: str) -> int:
    """How many messages wait in a queue."""
    with app_on(broker.url).connection_for_read() as connection:
        declared = connection.default_channel.queue_declare(queue=queue, passive=True)
        return int(declared.message_count)


def test_without_workers_a_queue_stays_short(rabbitmq: RabbitMQ) -> None:
    """Whoever sends: the web processes, and beat."""
    for sent in (MOST_WAITING, 0):
        wakeups = Wakeups(app_on(rabbitmq.url))
        assert [wakeups.send(DRAIN_RESULTS, DRAIN, (0,)) for _ in range(MOST_WAITING + 5)].count(True) == sent
        assert wakeups.send(SETTLE, CONTROL), "the other queue is not full"
        wakeups.close()
    assert waiting(rabbitmq, DRAIN) == MOST_WAITING
    assert waiting(rabbitmq, CONTROL) == 2


def test_every_failure_is_an_error_and_then_it_is_used_again(rabbitmq: RabbitMQ) -> None:
    """A stopped one took 6 s to be given up: to say goodbye to it was tried, with time-outs of its own."""
    wakeups = Wakeups(app_on(rabbitmq.url))
    assert wakeups.send(SETTLE, CONTROL)
    rabbitmq.pause()
    try:
        for _ in range(2):  # on the connection it has, and on a new one, which the kernel takes
            with pytest.raises((OperationalError, OSError)):
                wakeups.send(SETTLE, CONTROL)
    finally:
        rabbitmq.resume()
    assert wakeups.send(SETTLE, CONTROL)
    rabbitmq.kill()
    try:
        for _ in range(2):
            with pytest.raises((OperationalError, OSError)):
                wakeups.send(SETTLE, CONTROL)
    finally:
        rabbitmq.start()
    assert wakeups.send(SETTLE, CONTROL)
    wakeups.close()


def test_the_publisher_of_a_web_process_never_holds_up_its_loop(rabbitmq: RabbitMQ) -> None:
    """The time-outs of the AMQP library are the kernel's: a greenlet would wait on, for ever."""
    run_patched("tests.web.publisher_cases:stopped_rabbitmq", rabbitmq.url, rabbitmq.group, timeout_s=120)


def test_workers_beat_and_flower(rabbitmq: RabbitMQ) -> None:
    """Wake-ups of the web process and beat's periodic tasks are all done, and Flower shows them."""
    port = free_port()
    with ExitStack() as run:
        found = system(run, rabbitmq.url)
        workers = [found.stack.worker(queue) for queue in (CONTROL, DRAIN)]
        for worker in workers:
            worker.wait_log(" ready.")
        found.stack.beat()
        found.stack.flower(port)
        flower = Flower(port)
        wait_until(lambda: len(flower.registered()) == 2, "Flower sees both workers", 60)
        assert all(PERIODIC.keys() <= tasks for tasks in flower.registered())
        found.say_until_a_worker_drains()
        wait_until(lambda: bool(flower.results(DRAIN_RESULTS)), "Flower shows a drain", 60)
        wait_until(lambda: bool(flower.results(SETTLE)), "Flower shows a periodic task", 60)
        found.stack.assert_clean_logs()


def test_it_is_stopped_and_goes_on(rabbitmq: RabbitMQ) -> None:
    with ExitStack() as run:
        found = system(run, rabbitmq.url)
        found.stack.worker(DRAIN).wait_log(" ready.")
        found.say_until_a_worker_drains()
        rabbitmq.pause()
        try:
            found.say_without_workers()
            wait_until(lambda: found.stat("publish_failures") > 0, "the publisher gives up")
            found.say_without_workers()
        finally:
            rabbitmq.resume()
        found.say_until_a_worker_drains()
        found.stack.assert_clean_logs()


def test_it_is_killed_and_comes_back(rabbitmq: RabbitMQ) -> None:
    """The worker that was there takes over again by itself."""
    with ExitStack() as run:
        found = system(run, rabbitmq.url)
        worker = found.stack.worker(DRAIN)
        worker.wait_log(" ready.")
        found.say_until_a_worker_drains()
        rabbitmq.kill()
        try:
            found.say_without_workers()
            found.wait_told("unreachable")
        finally:
            rabbitmq.start()
        found.say_until_a_worker_drains()
        found.wait_told("ok")
        found.wait_workers(drain=1)
        assert worker.running
        # A task that was at work when it happened cannot be acknowledged, which Celery tells with a trace.
        traced = ("Traceback",) if "Couldn't ack" in worker.log else ()
        found.stack.assert_clean_logs(
            "consumer: Cannot connect", "Couldn't ack", "Connection to broker lost", *traced
        )


def test_there_is_no_worker_and_then_there_is(rabbitmq: RabbitMQ) -> None:
    with ExitStack() as run:
        found = system(run, rabbitmq.url)
        found.say_without_workers()
        assert found.stat("published") > 0
        assert 0 < waiting(rabbitmq, DRAIN) <= MOST_WAITING
        found.stack.worker(DRAIN).wait_log(" ready.")
        found.say_until_a_worker_drains()
        wait_until(lambda: waiting(rabbitmq, DRAIN) == 0, "the worker clears the queue")
        found.stack.assert_clean_logs()
