"""A client that asked for it comes back after its socket was lost, to any instance, and misses nothing."""

import base64
import re
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from scheduling.keys import Keys
from tests.peers import FakeClient, FakeNode, Frame, translation
from tests.stack import Stack, wait_until

Pair = tuple[str, str]
ADDITIONS = {
    "resume_token", "epoch", "offset", "missed", "audio_seq", "utterance_index", "resumed", "history_lost",
    "resume_within_ms",
}  # fmt: skip


@pytest.fixture(scope="module")
def two() -> Iterator[Stack]:
    """Give two instances; audio that no final ends stays buffered."""
    with Stack(webs=2, pause_ms=60_000) as stack:
        yield stack
        stack.assert_clean_logs()


def _leave(stack: Stack, client: FakeClient) -> None:
    """Lose the socket, and wait until the session is known to have none."""
    client.cut()
    with stack.redis as ledger:
        name = Keys("0").session(client.session_id)
        wait_until(lambda: ledger.hget(name, "owner") == "", "the session to be detached")


def place_of(client: FakeClient, offset: int = 0, **other: Any) -> Frame:
    """Say where a client stands."""
    ack = client.wait("session_init_ack")
    stands = {"session_id": client.session_id, "token": ack["resume_token"], "epoch": ack["epoch"]}
    return stands | {"offset": offset} | other


def _back(stack: Stack, pair: Pair, place: Frame, web: int = 1, **init: Any) -> tuple[FakeClient, Frame]:
    client = stack.client(*pair, web=web, resumable=True, resume=place, **init)
    return client, client.wait("session_init_ack")


def _heard(node: FakeNode) -> list[bytes]:
    return [base64.b64decode(job["audio"]) for job in node.jobs]


def test_a_client_that_does_not_ask_sees_nothing_of_it(two: Stack, pair: Pair) -> None:
    with two.node(pair), two.client(*pair) as client:
        assert not ADDITIONS & client.wait("session_init_ack").keys()
        client.say()
        assert "offset" not in client.result()
        assert not client.all("audio_ack")


@pytest.mark.parametrize("web", [0, 1], ids=["the same instance", "another instance"])
def test_what_was_missed_comes_once_in_order_then_it_goes_on(two: Stack, pair: Pair, web: int) -> None:
    with two.node(pair, slots=4, answer=None) as node:
        client = two.client(*pair, resumable=True, trace_id="trace-9")
        for _ in range(3):
            client.say()
        jobs = [node.job(nth) for nth in (1, 2, 3)]
        node.answer(jobs[0])
        assert client.result()["offset"] == 1
        _leave(two, client)
        node.answer(jobs[2])
        node.answer(jobs[1])
        back, ack = _back(two, pair, place_of(client, offset=1), web)
        with back:
            assert (ack["resumed"], ack["history_lost"], ack["session_id"]) == (
                True,
                False,
                client.session_id,
            )
            assert (ack["offset"], ack["utterance_index"], ack["audio_seq"]) == (1, 3, 3)
            assert ack["trace_id"] == "trace-9"
            back.chunk(bytes(3200), final=True, seq=3)
            node.answer(node.job(4))
            assert back.texts(3) == [f"{pair[0]} {index}" for index in (1, 2, 3)]
            assert [frame["offset"] for frame in back.results] == [2, 3, 4]
            assert all(frame["tts_audio"] for frame in back.results)
            back.send("session_close", session_id=back.session_id, reason="done")
            back.wait("session_close_ack")


def test_the_preferred_pool_stays_with_the_language_pair(two: Stack, pair: Pair) -> None:
    """A client that came back lost it: its pair was in the ledger, but nobody read it there."""
    src, tgt = pair
    other = f"{tgt}-2"

    def preferred(client: FakeClient, results: int) -> str:
        client.result(results)
        with two.redis as ledger:
            return str(ledger.hget(Keys("0").session(client.session_id), "preferred"))

    with two.node(pair, (src, other), slots=4) as broad:
        client = two.client(*pair, resumable=True)
        client.say()
        first = preferred(client, 1)
        assert first in two.record_of(broad.node_id)["pools"].split()
        with two.node(pair, slots=4) as narrow, two.client(*pair, web=1) as newcomer:
            turns = count(1)

            def is_known() -> bool:
                """Whether who asks now, for any other pair first, prefers the pool of fewer pairs."""
                newcomer.utterance(next(turns), tgt_lang=other)
                newcomer.utterance(turn := next(turns))
                return preferred(newcomer, turn) in two.record_of(narrow.node_id)["pools"].split()

            wait_until(is_known, "the new pool to be known")
            _leave(two, client)
            back, _ = _back(two, pair, place_of(client, offset=1))
            with back:
                back.chunk(bytes(3200), final=True, seq=1)
                assert preferred(back, 1) == first
                back.utterance(5, tgt_lang=other)
                assert preferred(back, 2) == first, "only the broad node does this pair"
                back.utterance(6)
                assert preferred(back, 3) != first, "with another pair the preference began anew"


def test_results_sent_to_a_socket_that_was_lost_come_again_with_their_speech(two: Stack, pair: Pair) -> None:
    with two.node(pair):
        client = two.client(*pair, resumable=True)
        client.say()
        sent = client.result()
        _leave(two, client)
        back, ack = _back(two, pair, place_of(client, offset=0))
        with back:
            assert ack["missed"] == 1
            assert back.result()["tts_audio"] == sent["tts_audio"] != ""
            assert len(back.results) == 1


def test_audio_is_heard_once_wherever_the_socket_was_lost(two: Stack, pair: Pair) -> None:
    """The second utterance begins inside chunk 1, whose front the first one took."""
    with two.node(pair) as node:
        client = two.client(*pair, resumable=True, sample_rate=8000)
        chunks = [bytes([number + 1]) * 100_000 for number in range(3)]
        client.chunk(chunks[0])
        client.chunk(chunks[1])  # more than 10 s in all
        first = node.job()
        client.wait("audio_ack", seq=1)
        _leave(two, client)
        back, ack = _back(two, pair, place_of(client), sample_rate=8000)
        with back:
            assert (ack["audio_seq"], ack["utterance_index"]) == (1, 1)
            for seq in range(3):  # more than is wanted does no harm
                back.chunk(chunks[seq], seq=seq, final=seq == 2)
            back.result(2)
        assert first["utterance_index"] == 0
        assert b"".join(_heard(node)) == b"".join(chunks)


def test_what_is_buffered_is_not_cut_but_sent_again(two: Stack, pair: Pair) -> None:
    with two.node(pair) as node:
        client = two.client(*pair, resumable=True)
        client.chunk(b"ab")
        _leave(two, client)
        back, ack = _back(two, pair, place_of(client))
        with back:
            assert ack["audio_seq"] == 0
            back.chunk(b"ab", seq=0)
            back.chunk(b"cd", seq=1, final=True)
            back.result()
            assert _heard(node) == [b"abcd"]
            back.wait("audio_ack", seq=2)


def test_the_old_socket_is_closed_and_its_end_does_no_harm(two: Stack, pair: Pair) -> None:
    with two.node(pair), two.client(*pair, resumable=True) as client:
        for web in (1, 1, 0):
            back, ack = _back(two, pair, place_of(client), web)
            assert ack["resumed"]
            code, reason = client.wait_closed()
            assert code == 4001, reason
            client.close()
            client = back
        client.chunk(bytes(3200), final=True, seq=0)
        assert client.texts(1) == [f"{pair[0]} 0"]


@pytest.mark.parametrize("wrong", [{"token": "guessed"}, {"token": ""}, {"session_id": "s-NONE"}])
def test_a_wrong_token_opens_another_session_and_says_so(two: Stack, pair: Pair, wrong: Frame) -> None:
    with two.node(pair), two.client(*pair, resumable=True) as client:
        thief, ack = _back(two, pair, place_of(client) | wrong)
        with thief:
            assert (ack["resumed"], ack["history_lost"]) == (False, True)
            assert ack["session_id"] != client.session_id
        client.say()
        assert client.texts(1) == [f"{pair[0]} 0"], "the session is still its owner's"


@pytest.mark.parametrize("wrong", [{"epoch": "another.1"}, {"offset": 7000}])
def test_a_place_that_is_not_known_is_called_lost_history(two: Stack, pair: Pair, wrong: Frame) -> None:
    with two.node(pair):
        client = two.client(*pair, resumable=True)
        client.say()
        client.result()
        _leave(two, client)
        back, ack = _back(two, pair, place_of(client, offset=1) | wrong)
        with back:
            assert (ack["resumed"], ack["history_lost"], ack["offset"]) == (True, True, 0)
            back.result()


def test_results_that_are_kept_no_more_are_called_lost_history(two: Stack, pair: Pair) -> None:
    with two.node(pair):
        client = two.client(*pair, resumable=True)
        for nth in (1, 2, 3):
            client.say()
            client.result(nth)
        _leave(two, client)
        with two.redis as ledger:
            ledger.xtrim(Keys("0").out(client.session_id), maxlen=1, approximate=False)
        back, ack = _back(two, pair, place_of(client, offset=1))
        with back:
            assert (ack["resumed"], ack["history_lost"], ack["offset"], ack["missed"]) == (True, True, 2, 1)
            assert back.texts(1) == [f"{pair[0]} 2"]


def _say_goodbye(client: FakeClient) -> None:
    client.send("session_close", session_id=client.session_id, reason="done")
    client.wait("session_close_ack")


def test_a_refusal_reaches_a_client_that_was_away(two: Stack, pair: Pair) -> None:
    """No order number is taken, so nothing else would tell what became of the utterance."""
    client = two.client(*pair, resumable=True)
    client.say()
    assert client.wait("error")["details"]["utterance_index"] == 0
    assert client.result()["offset"] == 1
    _leave(two, client)
    back, ack = _back(two, pair, place_of(client, offset=0))
    with back:
        assert (ack["audio_seq"], ack["utterance_index"]) == (1, 1)
        assert (back.result()["type"], back.result()["utterance_index"]) == ("missing_result", 0)
        back.wait("error", nth=1)
        _say_goodbye(back)


def test_the_refusal_of_a_whole_utterance_reaches_a_client_that_was_away(two: Stack, pair: Pair) -> None:
    """It was told over the socket that was lost, so the client sent the utterance again: it was accepted
    behind later ones, and its result came after theirs."""
    client = two.client(*pair, resumable=True)
    for nth in (1, 2):
        client.utterance(4)
        assert client.wait("error", nth=nth)["details"]["utterance_index"] == 4
        assert client.result(nth)["offset"] == nth
    _leave(two, client)
    back, ack = _back(two, pair, place_of(client, offset=1))
    with back:
        assert (ack["missed"], ack["utterance_index"]) == (1, 0)
        assert (back.result()["type"], back.result()["utterance_index"]) == ("missing_result", 4)
        back.wait("error", nth=1)
        _say_goodbye(back)


def test_a_whole_utterance_sent_again_is_done_once(two: Stack, pair: Pair) -> None:
    with two.node(pair, answer=None) as node:
        client = two.client(*pair, resumable=True)
        client.utterance(4, b"abcd" * 99)
        job = node.job()
        _leave(two, client)
        back, _ = _back(two, pair, place_of(client))
        with back:
            back.utterance(4, b"abcd" * 99)
            node.answer(job)
            assert back.result()["utterance_index"] == 4
            back.utterance(5, b"efgh" * 99)
            node.answer(node.job(2))
            back.result(2)
            assert _heard(node) == [b"abcd" * 99, b"efgh" * 99]


def test_a_lost_hint_is_made_up_for(two: Stack, pair: Pair) -> None:
    """An inbox is bounded: the hint that a result is there may be gone when nobody read it for long."""
    with two.node(pair, answer=None) as node, two.client(*pair) as client:
        client.say()
        job = node.job()
        with two.redis as ledger:
            ledger.hset(Keys("0").session(client.session_id), "owner", "somebody-else")
        node.answer(job)
        assert client.texts(1) == [f"{pair[0]} 0"]


def test_sigterm_sends_clients_that_resume_elsewhere_at_once() -> None:
    with Stack(webs=2, pause_ms=60_000) as stack:
        node = stack.node(("en", "pt"), web=1, answer=None)
        client = stack.client(resumable=True)
        client.say()
        job = node.job()
        client.chunk(b"ab")
        stack.webs[0].terminate()
        code, reason = client.wait_closed()
        assert code == 1012
        assert re.search(r"come back in [0-9.]+ s", reason)
        back, ack = _back(stack, ("en", "pt"), place_of(client))
        with back:
            assert (ack["resumed"], ack["audio_seq"]) == (True, 1)
            back.chunk(b"ab", seq=1)
            back.chunk(b"cd", seq=2, final=True)
            node.answer(job)
            node.answer(node.job(2))
            assert back.texts(2) == ["en 0", "en 1"]
            assert _heard(node)[1] == b"abcd"
        assert stack.webs[0].wait() == 0
        stack.assert_clean_logs()


def test_a_session_nobody_comes_back_to_ends() -> None:
    with Stack(resume_ms=1000) as stack, stack.node(("en", "pt")):
        client = stack.client(resumable=True)
        assert client.wait("session_init_ack")["resume_within_ms"] == 1000
        _leave(stack, client)
        with stack.redis as ledger:
            wait_until(lambda: not ledger.exists(Keys("0").session(client.session_id)), "its record to lapse")
        back, ack = _back(stack, ("en", "pt"), place_of(client), web=0)
        with back:
            assert (ack["resumed"], ack["history_lost"]) == (False, True)


def test_a_killed_process_costs_a_client_that_resumes_nothing() -> None:
    """It had no time to say that the session is detached."""
    with Stack(webs=2) as stack:
        node = stack.node(("en", "pt"), web=1, answer=None)
        client = stack.client(resumable=True)
        client.say()
        job = node.job()
        client.wait("audio_ack", seq=1)
        stack.webs[0].kill()
        client.wait_closed()
        node.answer(job)
        back, ack = _back(stack, ("en", "pt"), place_of(client))
        with back:
            assert (ack["resumed"], ack["utterance_index"]) == (True, 1)
            back.chunk(bytes(3200), final=True, seq=1)
            node.answer(node.job(2))
            assert back.texts(2) == ["en 0", "en 1"]
        stack.assert_clean_logs()


class SlowClient(FakeClient):
    """Takes its time over each result."""

    def _take(self, frame: Frame) -> None:
        if frame["type"] == "translation_result":
            time.sleep(0.2)
        super()._take(frame)


def test_more_may_be_missed_than_is_queued_for_a_slow_peer() -> None:
    """Sent all at once it would overrun the queue, and close the socket each time the client comes back."""
    speech = base64.b64encode(bytes(1_500_000)).decode()
    with Stack(webs=2, outbound_bytes=2**16, message_bytes=2**22) as stack:
        stack.node(("en", "pt"), answer=lambda job: translation(job) | {"tts_audio": speech}, slots=8)
        client = stack.client(resumable=True)
        for nth in range(1, 13):
            client.say()
            client.result(nth)
        _leave(stack, client)
        url = stack.webs[1].url("/ws/session")
        with SlowClient(url, resumable=True, resume=place_of(client)) as back:
            assert back.wait("session_init_ack")["missed"] == 12
            assert back.result(12)["tts_audio"] == speech
            assert [frame["offset"] for frame in back.results] == list(range(1, 13))
        stack.assert_clean_logs()
