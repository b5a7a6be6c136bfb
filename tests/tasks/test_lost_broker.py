"""A broker of its own that fails, while the ledger stays up: utterances end all the same, without workers."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tasks.names import CONTROL, DRAIN
from tasks.wakeups import MOST_WAITING
from tests.peers import FakeClient
from tests.stack import Stack, wait_until
from tests.tasks.broker import waiting
from tests.valkey import Valkey, free_port

#: The web process waits long enough for a worker to be first whenever one is there.
PERIODS: dict[str, Any] = {"sweep_ms": 50, "wake_ms": 50, "fallback_ms": 400}


class System:
    """One web process, a node and a client; each utterance is one more result."""

    def __init__(self, stack: Stack, client: FakeClient) -> None:
        self.stack = stack
        self._client = client
        self._said = 0

    def say(self) -> None:
        """Say something and wait for its translation."""
        self._client.utterance(self._said)
        self._said += 1
        assert self._client.result(self._said)["type"] == "translation_result"

    def stat(self, name: str) -> int:
        return int(self.stack.webs[0].stats()[name])

    def say_until_a_worker_drains(self) -> None:
        """Who drained shows in what the web process counts."""

        def by_a_worker() -> bool:
            before = self.stat("fallback_drains")
            self.say()
            return self.stat("fallback_drains") == before

        wait_until(by_a_worker, "a worker drains a result")

    def say_without_workers(self) -> None:
        """The web process drains; at first a worker may still hold a message it took before."""

        def by_the_web_process() -> bool:
            self.say()
            return self.stat("fallback_drains") >= before + 3

        before = self.stat("fallback_drains")
        wait_until(by_the_web_process, "the web process drains")


@pytest.fixture
def run() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def system(run: ExitStack, broker_url: str) -> System:
    stack = run.enter_context(Stack(celery_broker_url=broker_url, **PERIODS))
    node = run.enter_context(stack.node(("en", "pt"), slots=4))
    stack.wait_dispatchable(node.node_id)
    return System(stack, run.enter_context(stack.client()))


def test_the_broker_refuses(run: ExitStack) -> None:
    found = system(run, f"redis://127.0.0.1:{free_port()}")
    found.say_without_workers()
    wait_until(lambda: found.stat("publish_failures") > 1, "publishing fails again and again")
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
        found.say_without_workers()
    finally:
        own_valkey.resume()
    found.say_until_a_worker_drains()
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
    found.stack.worker(DRAIN).wait_log(" ready.")
    found.say_until_a_worker_drains()
    wait_until(lambda: waiting(own_valkey.url, DRAIN) == 0, "the worker clears the queue")
    assert waiting(own_valkey.url, CONTROL) <= MOST_WAITING
    found.stack.assert_clean_logs()
