"""A whole system whose ledger and broker are a replicated Valkey: the master dies under it."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tasks.names import CONTROL, DRAIN
from tests.peers import FakeClient, FakeNode
from tests.sentinels import Replicated
from tests.stack import Stack, wait_until
from tests.tasks.flower import Flower
from tests.valkey import free_port

#: A call may take as long as a fail-over: half a second until the Sentinels agree, then the election.
_PATIENCE_S = 15


class System:
    """Two web processes, workers, a node and a client on different ones."""

    def __init__(self, run: ExitStack, servers: Replicated) -> None:
        self.servers = servers
        self.stack = run.enter_context(
            Stack(webs=2, valkey=servers.master, redis_url=servers.url, store_timeout_s=_PATIENCE_S)
        )
        self.workers = [self.stack.worker(queue) for queue in (CONTROL, DRAIN)]
        for worker in self.workers:
            worker.wait_log(" ready.")
        self.flower = Flower(free_port())
        self.stack.flower(self.flower.port)
        self.node: FakeNode = run.enter_context(self.stack.node(("en", "pt"), answer=None, web=0, slots=8))
        self.client: FakeClient = run.enter_context(self.stack.client(web=1))
        self._said = self._answered = 0

    def say(self) -> None:
        """Say something; its job may have to wait for a master."""
        self.client.say()
        self._said += 1

    def answer(self) -> None:
        """Answer everything that was said, once its jobs are there; each has one result, and in order."""
        self.node.job(self._said)
        for job in self.node.jobs[self._answered :]:
            self.node.answer(job)
        self._answered = len(self.node.jobs)
        assert self.client.texts(self._said) == [f"en {index}" for index in range(self._said)]

    def answer_one(self) -> None:
        """Answer the first job that has no answer, and do not wait for its result."""
        self.node.answer(self.node.jobs[self._answered])
        self._answered += 1

    def wait_replicated(self) -> None:
        """Wait until the replica has all that the master has: what was acknowledged cannot be lost now."""

        def same() -> bool:
            _, written, replicas = self.servers.ask(self.servers.master, "ROLE")
            return [int(offset) for _, _, offset in replicas] == [int(written)]

        wait_until(same, "the replica has all that the master has")

    def say_until_a_worker_drains(self) -> None:
        """Who drained shows in what the web processes count."""

        def by_a_worker() -> bool:
            before = self._fallbacks()
            self.say()
            self.answer()
            return self._fallbacks() == before

        wait_until(by_a_worker, "a worker drains a result")

    def _fallbacks(self) -> int:
        return sum(int(web.stats()["fallback_drains"]) for web in self.stack.webs)


@pytest.fixture
def system() -> Iterator[System]:
    with ExitStack() as run:
        yield System(run, run.enter_context(Replicated()))


def test_the_master_is_killed_while_people_speak(system: System) -> None:
    """What was said before is answered once, what is said meanwhile waits, and nobody is told an error."""
    first, second = system.servers.master, system.servers.replica
    wait_until(lambda: len(system.flower.registered()) == 2, "Flower sees both workers")
    system.say()
    system.answer()
    system.say()
    system.say()
    system.node.job(3)
    system.wait_replicated()
    first.kill()
    system.say()  # there is no master at all
    system.answer_one()
    system.servers.wait_promoted(second)
    system.stack.valkey = second
    system.answer()
    system.say_until_a_worker_drains()
    assert not system.client.all("error")
    assert not system.node.all("error")
    assert all(worker.running for worker in system.workers)
    for web in system.stack.webs:
        assert web.get("/ready")[0] == 200
    # A worker loses its broker in that moment, and says so; at the first look of Flower it told it a trace,
    # as an option of its connection could not be written as JSON.
    system.stack.assert_clean_logs("consumer: Cannot connect", "Couldn't ack", "Connection to broker lost")
