"""Redis comes back without its last writes, as after a crash with ``appendfsync everysec`` or a fail-over.

The cell has the same epoch as before, so that tells nobody: what was accepted, sent or entered in the lost
time has to be told to the ledger anew by those who know it. `Valkey.roll_back` makes the loss certain.
"""

from collections.abc import Iterator

import pytest

from scheduling.keys import Keys
from tests.peers import FakeClient, FakeNode, translation
from tests.stack import Stack, wait_until
from tests.valkey import Valkey

PAIR = ("en", "pt")


@pytest.fixture
def lasting() -> Iterator[Valkey]:
    with Valkey(appendonly="yes", appendfsync="always") as valkey:
        yield valkey


@pytest.fixture(params=[30, 2000], ids=["noticed by a sweep", "noticed by who asks"])
def stack(lasting: Valkey, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Give one instance whose sweeps come at once, or so rarely that a call is earlier."""
    with Stack(
        valkey=lasting,
        sweep_ms=request.param,
        presence_ms=10_000,
        instance_dead_ms=30_000,
        wake_ms=20,
        fallback_ms=30,
    ) as one:
        yield one
        one.assert_clean_logs()


def _say(client: FakeClient, *indices: int) -> None:
    for index in indices:
        client.say()
        assert client.result(index + 1)["utterance_index"] == index


def _ends(client: FakeClient, total: int) -> list[str]:
    """Wait for so many ends, then say goodbye: everything else would have come before its answer."""
    texts = client.texts(total)
    client.send("session_close", session_id=client.session_id, reason="done")
    client.wait("session_close_ack")
    assert client.texts(total) == texts == client.texts(0)
    return texts


def test_results_after_the_lost_ones_come(stack: Stack) -> None:
    """Bug: numbers in the out stream began again below what was sent, so new results were taken for old.

    The client waited for ever.
    """
    with stack.node(PAIR), stack.client() as client:
        _say(client, 0)
        kept = stack.valkey.keep()
        _say(client, 1, 2)
        stack.valkey.roll_back(kept)
        _say(client, 3, 4)
        assert _ends(client, 5) == [f"en {index}" for index in range(5)]
        assert not client.all("error")


def test_accepted_utterance_that_is_lost_ends_in_an_error(stack: Stack) -> None:
    """Its node is asked to stop; an answer that comes all the same changes nothing."""
    with stack.node(PAIR, answer=None) as node, stack.client() as client:
        client.say()
        node.answer(node.job())
        client.result()
        kept = stack.valkey.keep()
        client.say()
        client.say()
        lost = [node.job(2), node.job(3)]
        stack.valkey.roll_back(kept)
        for nth, job in enumerate(lost, 1):
            assert node.wait("job_cancel", nth)["job_id"] == job["job_id"]
            missing = client.result(nth + 1)
            assert (missing["type"], missing["reason"]) == ("missing_result", "history_lost")
            assert missing["utterance_index"] == nth
            error = client.wait("error", nth)
            assert (error["code"], error["details"]) == (
                "SCHEDULER_DEPENDENCY_DOWN",
                {"utterance_index": nth},
            )
            assert "say it again" in error["message"]
            node.answer(job)
        client.say()
        node.answer(node.job(4))
        assert _ends(client, 4) == ["en 0", "-", "-", "en 3"]


def test_what_is_said_before_the_loss_is_noticed_takes_no_number_of_the_lost(stack: Stack) -> None:
    """Bug: it got the order number of the lost one, which then was not known any more and never ended."""
    with stack.node(PAIR, answer=None) as node, stack.client() as client:
        kept = stack.valkey.keep()
        client.say()
        node.job()
        stack.valkey.roll_back(kept)
        client.say()
        node.answer(node.job(2))
        assert _ends(client, 2) == ["-", "en 1"]
        assert len(client.all("error")) == 1


def test_utterance_that_runs_on_is_not_touched(stack: Stack) -> None:
    with stack.node(PAIR, answer=None) as node, stack.client() as client:
        client.say()
        node.answer(node.job())
        client.say()
        running = node.job(2)
        client.result()
        stack.valkey.roll_back(stack.valkey.keep())
        client.say()
        node.job(3)
        assert not node.all("job_cancel")
        node.answer(running)
        node.answer(node.job(3))
        assert _ends(client, 3) == ["en 0", "en 1", "en 2"]
        assert not client.all("error")


def test_result_that_was_delivered_is_not_delivered_again(stack: Stack) -> None:
    """The ledger has it run still, and lets it be done again elsewhere; its client has it already."""
    with stack.node(PAIR, answer=None) as node, stack.client() as client:
        client.say()
        job = node.job()
        _wait_dispatched(stack, job["job_id"])
        kept = stack.valkey.keep()
        node.answer(job)
        client.result()
        node.answer_with = translation
        with stack.node(PAIR) as other:
            stack.valkey.roll_back(kept)
            again = other.job()
            assert (again["job_id"], again["attempt_id"]) == (job["job_id"], 2)
            client.say()
            client.say()
            assert _ends(client, 3) == ["en 0", "en 1", "en 2"]


def test_session_and_node_that_came_in_the_lost_time_go_on(stack: Stack) -> None:
    """They need not come again: their sockets are there."""
    kept = stack.valkey.keep()
    with stack.node(PAIR) as node, stack.client() as client:
        _say(client, 0)
        stack.valkey.roll_back(kept)
        stack.wait_dispatchable(node.node_id)
        _say(client, 1)
        assert _ends(client, 2) == ["en 0", "en 1"]
        assert len(node.all("node_register_ack")) == 1


def test_node_that_came_again_in_the_lost_time_is_not_taken_for_its_former_socket(stack: Stack) -> None:
    """Bug: its next heartbeat was answered by closing the socket, with the code not to come back."""
    with stack.client() as client:
        former = stack.node(PAIR, node_id="n1")
        kept = stack.valkey.keep()
        with FakeNode(stack.webs[0].url("/ws/node"), PAIR, node_id="n1") as node:
            former.wait_closed()
            stack.valkey.roll_back(kept)
            node.heartbeat()
            stack.wait_dispatchable("n1")
            _say(client, 0)
            assert len(node.jobs) == 1


def test_refusal_in_the_stream_that_was_lost_is_told(stack: Stack) -> None:
    """A refusal has an entry of its own in the stream of a client that resumes, and no order number."""
    with stack.client(resumable=True) as client:
        _say_refused(client, 0)
        kept = stack.valkey.keep()
        _say_refused(client, 1)
        stack.valkey.roll_back(kept)
        with stack.node(PAIR):
            _say(client, 2)
            assert [frame["offset"] for frame in client.results] == [1, 2, 3]


def _say_refused(client: FakeClient, index: int) -> None:
    client.say()
    assert client.result(index + 1)["reason"] == "no_available_node"


def test_client_comes_back_to_another_instance_after_the_loss(lasting: Valkey) -> None:
    """Its epoch holds, for it has lost nothing: what it has is not sent again, what it lacks is."""
    with Stack(webs=2, valkey=lasting) as stack, stack.node(PAIR, answer=None) as node:
        client = stack.client(resumable=True)
        client.say()
        node.answer(node.job())
        client.result()
        kept = stack.valkey.keep()
        client.say()
        client.say()
        node.answer(node.job(2))
        assert client.result(2)["offset"] == 2
        stack.valkey.roll_back(kept)
        assert client.result(3)["reason"] == "history_lost"
        ack = client.wait("session_init_ack")
        place = {"session_id": client.session_id, "token": ack["resume_token"], "epoch": ack["epoch"]}
        _lose_socket(stack, client)
        with stack.client(web=1, resumable=True, resume=place | {"offset": 2}) as back:
            again = back.wait("session_init_ack")
            assert (again["resumed"], again["history_lost"], again["missed"]) == (True, False, 1)
            assert (again["audio_seq"], again["utterance_index"]) == (3, 3)
            assert back.result()["offset"] == 3
            back.chunk(bytes(3200), final=True, seq=3)
            node.answer(node.job(4))
            assert back.texts(2) == ["-", "en 3"]
        with stack.client(web=0, resumable=True, resume=place | {"offset": 1}) as late:
            told = late.wait("session_init_ack")
            assert (told["resumed"], told["history_lost"]) == (True, True), "result 2 is kept by nobody"
        stack.assert_clean_logs()


def test_client_that_was_away_during_the_loss_gets_nothing_twice(lasting: Valkey) -> None:
    """Bug: with an offset beyond the stream's end it was sent the whole stream again."""
    with Stack(valkey=lasting) as stack, stack.node(PAIR):
        client = stack.client(resumable=True)
        _say(client, 0)
        kept = stack.valkey.keep()
        _say(client, 1, 2)
        ack = client.wait("session_init_ack")
        place = {"session_id": client.session_id, "token": ack["resume_token"], "epoch": ack["epoch"]}
        _lose_socket(stack, client)
        stack.valkey.roll_back(kept)
        with stack.client(resumable=True, resume=place | {"offset": 3}) as back:
            again = back.wait("session_init_ack")
            assert (again["resumed"], again["history_lost"], again["offset"]) == (True, True, 3)
            back.chunk(bytes(3200), final=True, seq=3)
            assert back.result()["offset"] == 4
            assert len(back.results) == 1
        stack.assert_clean_logs()


def _wait_dispatched(stack: Stack, job_id: str) -> None:
    keys = Keys("0")
    with stack.redis as ledger:
        wait_until(lambda: ledger.hget(keys.job(job_id), "state") == "dispatched", "the job to be dispatched")
        wait_until(lambda: bool(ledger.exists(keys.body(f"a:{job_id}"))), "its audio to be stored")


def _lose_socket(stack: Stack, client: FakeClient) -> None:
    client.cut()
    with stack.redis as ledger:
        name = Keys("0").session(client.session_id)
        wait_until(lambda: ledger.hget(name, "owner") == "", "the session to be detached")
