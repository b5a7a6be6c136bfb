"""Pairing: a node shows a code, the session that gives it is sent to that node."""

from collections.abc import Iterator

import pytest

from tests.peers import FakeNode
from tests.stack import Stack, wait_until

Pair = tuple[str, str]


def code_of(node: FakeNode) -> str:
    node.send("request_pairing_code")
    answer = node.wait("pairing_code", nth=len(node.all("pairing_code")) + 1, within_s=5)
    assert 290 <= answer["expires_in_s"] <= 300
    return str(answer["code"])


def test_a_session_with_a_code_is_told_its_node(stack: Stack, pair: Pair) -> None:
    """The code is good at every web process."""
    with stack.node(pair) as node:
        code = code_of(node)
        for web in (0, 1):
            with stack.client(*pair, web=web, pairing_code=code.lower()) as client:
                assert client.wait("session_init_ack")["assigned_node_id"] == node.node_id
                client.say()
                assert client.result()["text_translated"] == f"{pair[1]} 0"


@pytest.mark.parametrize("code", ["ABCDEFGH", "short", "", "ABCD-EFGH-JKMN", "x" * 200])
def test_an_unknown_code_is_ignored(stack: Stack, pair: Pair, code: str) -> None:
    with stack.node(pair), stack.client(*pair, pairing_code=code) as client:
        assert "assigned_node_id" not in client.wait("session_init_ack")
        client.say()
        assert client.result()["text_translated"] == f"{pair[1]} 0"
        assert not client.all("error")


def test_an_expired_code_is_ignored(stack: Stack, pair: Pair) -> None:
    with stack.node(pair) as node:
        code = code_of(node)
        assert stack.redis.delete(f"sd:{{0}}:pairing:{code}") == 1
        with stack.client(*pair, pairing_code=code) as client:
            assert "assigned_node_id" not in client.wait("session_init_ack")


@pytest.fixture(scope="module")
def waiting() -> Iterator[Stack]:
    """Give a system whose paired sessions wait for their node."""
    with Stack(pairing_waits=True) as running:
        yield running
        running.assert_clean_logs()


def test_a_paired_session_waits_for_its_node(waiting: Stack) -> None:
    """Others are idle all the while."""
    pair = ("wa", "wb")
    with waiting.node(pair, answer=None) as mine, waiting.node(pair) as other:
        with waiting.client(*pair, pairing_code=code_of(mine)) as client:
            client.say()
            client.say()
            first = mine.job()
            mine.answer(first)
            mine.answer(mine.job(2))
            assert client.texts(2) == ["wa 0", "wa 1"]
        with waiting.client(*pair) as stranger:
            stranger.say()
            stranger.say()
            wait_until(lambda: len(other.jobs) + len(mine.jobs) == 4, "the stranger's jobs")
            assert other.jobs


def test_a_paired_session_is_told_that_its_node_left(waiting: Stack) -> None:
    pair = ("wc", "wd")
    with waiting.node(pair), waiting.node(pair, slots=1) as mine:
        client = waiting.client(*pair, pairing_code=code_of(mine), tgt_lang="we")
        with client:
            client.say()
            refusal = client.wait("error")
            assert refusal["code"] == "UNSUPPORTED_FEATURE"
            assert mine.node_id in refusal["message"]
