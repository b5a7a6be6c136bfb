"""A system whose broker is a server of its own, which fails while the ledger stays up."""

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


def system(run: ExitStack, broker_url: str) -> System:
    """Start one with this broker and no worker; ``run`` ends it."""
    stack = run.enter_context(Stack(celery_broker_url=broker_url, **PERIODS))
    node = run.enter_context(stack.node(("en", "pt"), slots=4))
    stack.wait_dispatchable(node.node_id)
    return System(stack, run.enter_context(stack.client()))
