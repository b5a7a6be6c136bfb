"""A system whose broker is a server of its own, which fails while the ledger stays up."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from tests.peers import FakeClient
from tests.stack import Stack, wait_until

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
        self.ask()
        self.hear()

    def ask(self) -> None:
        """Say something."""
        self._client.utterance(self._said)
        self._said += 1

    def hear(self) -> None:
        """Wait for the translation of what was said last."""
        assert self._client.result(self._said)["type"] == "translation_result"

    def stat(self, name: str) -> int:
        """A number that the web process tells of itself."""
        return int(self.stack.webs[0].stats()[name])

    def wait_told(self, broker: str) -> None:
        """Wait until the web process tells this of its broker, everywhere; it is ready all the same."""

        def is_told() -> bool:
            status, told = self.stack.webs[0].get("/ready")
            assert (status, told["ready"]) == (200, True)
            return bool(told["broker"] == broker)

        wait_until(is_told, f"the broker is told to be {broker}")
        _, metrics = self.stack.webs[0].get("/api/v1/metrics")
        assert metrics["process"]["broker"] == self.stack.webs[0].stats()["broker"] == broker

    def wait_workers(self, **by_queue: int) -> None:
        """Wait until the web process tells of these workers, and of no others."""
        web = self.stack.webs[0]
        wait_until(lambda: web.get("/ready")[1]["workers_seen"] == by_queue, f"workers {by_queue} are seen")

    def say_until(self, condition: Callable[[], bool], what: str) -> None:
        """Say one thing after the other until a condition holds."""

        def holds() -> bool:
            self.say()
            return condition()

        wait_until(holds, what)

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


def system(run: ExitStack, broker_url: str, **periods: int) -> System:
    """Start one with this broker and no worker; ``run`` ends it."""
    stack = run.enter_context(Stack(celery_broker_url=broker_url, **PERIODS | periods))
    node = run.enter_context(stack.node(("en", "pt"), slots=4))
    stack.wait_dispatchable(node.node_id)
    return System(stack, run.enter_context(stack.client()))
