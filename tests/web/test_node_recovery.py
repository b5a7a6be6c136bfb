"""What nodes run, held against a ledger that may have lost writes, while this process goes on placing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from scheduling.jobspec import JobSpec
from scheduling.ledger import Ledger, Placement
from scheduling.store.plain import PlainStore
from tests.web.test_faults_above import Process
from web.asking import Ask
from web.node_recovery import compare_attempts

Happens = Callable[[], None]


class Watched:
    """A process in whose calls something happens: the server has answered, and the caller goes on later."""

    def __init__(self, store: PlainStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.process = Process(store, 1)
        self.ledger = Ledger(store, self.process.settings)
        self._patch = monkeypatch

    def after(self, name: str, happens: Happens) -> None:
        """Have it happen once, after the first call of this name."""
        meet, left = self.process.faulty._meet, [happens]

        def meet_and_let_it_happen(asked: str, run: Callable[[], Any], retry: bool = True) -> Any:
            reply = meet(asked, run, retry)
            if asked == name and left:
                left.pop()()
            return reply

        self._patch.setattr(self.process.faulty, "_meet", meet_and_let_it_happen)

    def say_unsent(self) -> Happens:
        """Place an utterance without sending it; gives what sends it."""
        sends: list[Happens] = []
        go_on = self.process.placer._go_on

        def later(ask: Ask, placement: Placement, spec: JobSpec) -> None:
            sends.append(lambda: go_on(ask, placement, spec))

        with self._patch.context() as patch:
            patch.setattr(self.process.placer, "_go_on", later)
            assert self.process.say(0)
        return sends[0]

    def compare(self, ledger: Ledger | None = None) -> None:
        compare_attempts(ledger or self.ledger, self.process.peers, [self.process.link])

    @property
    def stands(self) -> tuple[str, str, int]:
        """State and attempt of the job, and how often the node was sent it."""
        (key,) = self.ledger.cell.store.command("KEYS", self.ledger.keys.job("*"))
        state, attempt = self.ledger.cell.store.command("HMGET", key, "state", "attempt")
        sent = [frame for frame in self.process.node.frames if frame["type"] == "job_assign"]
        return state.decode(), attempt.decode(), len(sent)


@pytest.fixture
def watched(store: PlainStore, monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(store, monkeypatch)


def test_what_is_about_to_be_sent_is_not_given_up(watched: Watched) -> None:
    """A reservation counts as dispatched at once. Between the script and the reply the comparison found a
    lease whose job was sent to nobody, took its answer for lost and had it done elsewhere: twice in all.
    """
    watched.after("reserve", watched.compare)
    assert watched.process.say(0)
    assert watched.stands == ("dispatched", "1", 1)
    assert watched.process.peers.about_to_send == set()


def test_what_is_sent_while_the_ledger_is_read_is_not_given_up(watched: Watched) -> None:
    """It was looked up among what had been sent before the ledger was asked, and not again after it."""
    send = watched.say_unsent()
    watched.after("HGET", send)
    watched.compare(watched.process.ledger)
    assert watched.stands == ("dispatched", "1", 1)


def test_what_was_sent_over_a_newer_socket_is_not_given_up(watched: Watched) -> None:
    """The node came back while the ledger was read: what it runs is known to its newer socket alone."""
    watched.say_unsent()
    process = watched.process
    newer = replace(
        process.link, registration=replace(process.link.registration, socket="newer"), attempts={}
    )
    watched.after("ZRANGE", lambda: process.peers.nodes.update(n1=newer))
    watched.compare(process.ledger)
    assert watched.stands == ("dispatched", "1", 0)


def test_what_was_sent_and_is_not_run_any_more_goes_elsewhere(watched: Watched) -> None:
    watched.say_unsent()
    watched.compare()
    assert watched.stands != ("dispatched", "1", 0)


def test_nothing_is_kept_of_utterances_that_are_refused(watched: Watched) -> None:
    watched.process.faulty.faults.rate = 1
    assert not watched.process.say(0)
    assert watched.process.peers.about_to_send == set()
