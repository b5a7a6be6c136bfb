"""A broker of its own that fails, while the ledger stays up: utterances end all the same, without workers."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tasks.names import CONTROL, DRAIN
from tasks.wakeups import MOST_WAITING
from tests.stack import wait_until
from tests.tasks.broker import waiting
from tests.tasks.lost_broker import system
from tests.valkey import Valkey, free_port


@pytest.fixture
def run() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_the_broker_refuses(run: ExitStack) -> None:
    found = system(run, f"redis://127.0.0.1:{free_port()}")
    found.say_without_workers()
    wait_until(lambda: found.stat("publish_failures") > 1, "publishing fails again and again")
    found.wait_told("unreachable")
    assert "the broker takes no messages" in found.stack.webs[0].log
    found.stack.assert_clean_logs()


def test_the_broker_is_stopped_and_goes_on(run: ExitStack, own_valkey: Valkey) -> None:
    found = system(run, own_valkey.url)
    found.stack.worker(DRAIN).wait_log(" ready.")
    found.say_until_a_worker_drains()
    own_valkey.pause()
    try:
        found.say_without_workers()
        wait_until(lambda: found.stat("publish_failures") > 0, "the publisher gives up")
        found.wait_told("unreachable")
        found.say_without_workers()
    finally:
        own_valkey.resume()
    found.say_until_a_worker_drains()
    found.wait_told("ok")
    found.stack.assert_clean_logs()


def test_the_broker_is_killed_and_comes_back_with_nothing(run: ExitStack, own_valkey: Valkey) -> None:
    """The worker that was there takes over again by itself."""
    found = system(run, own_valkey.url)
    worker = found.stack.worker(DRAIN)
    worker.wait_log(" ready.")
    found.say_until_a_worker_drains()
    own_valkey.kill()
    found.say_without_workers()
    own_valkey.start()
    found.say_until_a_worker_drains()
    assert worker.running
    assert "Connection to broker lost" in worker.log
    found.stack.assert_clean_logs("consumer: Cannot connect", "Couldn't ack")
    assert "Traceback" not in worker.log


def test_there_is_no_worker_and_then_there_is(run: ExitStack, own_valkey: Valkey) -> None:
    found = system(run, own_valkey.url)
    found.say_without_workers()
    assert found.stat("published") > 0
    assert 0 < waiting(own_valkey.url, DRAIN) <= MOST_WAITING
    found.wait_workers()
    found.say_until(lambda: waiting(own_valkey.url, DRAIN) == MOST_WAITING, "nobody takes the messages")
    found.wait_told("silent")
    found.stack.worker(DRAIN).wait_log(" ready.")
    found.wait_workers(drain=1)
    found.say_until_a_worker_drains()
    found.wait_told("ok")
    wait_until(lambda: waiting(own_valkey.url, DRAIN) == 0, "the worker clears the queue")
    assert waiting(own_valkey.url, CONTROL) <= MOST_WAITING
    found.stack.assert_clean_logs()


def test_a_process_with_nothing_to_publish_tells_of_its_broker(run: ExitStack, own_valkey: Valkey) -> None:
    """It learnt that the broker was gone only when it needed it, which at night may be hours later."""
    found = system(run, own_valkey.url)
    found.wait_told("ok")
    own_valkey.kill()
    found.wait_told("unreachable")
    own_valkey.start()
    found.wait_told("ok")


def test_results_that_wait_for_a_worker_are_told_by_their_age(run: ExitStack, own_valkey: Valkey) -> None:
    found = system(run, own_valkey.url, fallback_ms=5000)
    found.ask()
    wait_until(lambda: found.stat("outbox_age_ms") > 0, "the age of the oldest is told")
    found.hear()
    wait_until(lambda: found.stat("outbox_age_ms") == 0, "nothing waits any more")
    assert found.stat("fallback_drains") > 0
