"""Reads of one session and the dry run, over a real stack."""

from tests.stack import Stack, wait_until
from tests.web.api.test_api import code, get

Pair = tuple[str, str]


def test_a_session_shows_its_languages_and_orders(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, answer=None) as node, stack.client(*pair) as client:
        client.say()
        job = node.job()
        path = f"sessions/{job['session_id']}"
        found = get(stack, path, web=1)
        assert (found["src_lang"], found["tgt_lang"], found["closed"]) == (*pair, False)
        assert found["orders"] == {pair[1]: {"next": 1, "released": 0, "running": 1}}
        node.answer(job)
        client.result(1)
        assert get(stack, path)["orders"][pair[1]]["running"] == 0
    wait_until(lambda: get(stack, path)["closed"], "it to close")
    assert code(stack, "GET", "sessions/ghost") == (404, "NOT_FOUND")


def test_a_dry_run_names_the_node_and_reserves_nothing(stack: Stack, pair: Pair) -> None:
    asked = f"simulate?src_lang={pair[0]}&tgt_lang={pair[1]}"
    assert get(stack, asked)["selected_node_id"] is None
    with stack.node(pair, slots=1) as node:
        for _ in range(2):
            assert get(stack, f"{asked}&required=asr&required=nmt")["selected_node_id"] == node.node_id
        assert get(stack, f"nodes/{node.node_id}")["slots"]["used"] == 0
        avoiding = f"{asked}&exclude_node_id={node.node_id}"
        without = get(stack, avoiding)
        assert (without["selected_node_id"], without["outcome"]) == (None, "waits")
        with stack.node(pair) as other:
            assert get(stack, avoiding)["selected_node_id"] == other.node_id
    assert code(stack, "GET", "simulate?required=cooking") == (400, "INVALID_MESSAGE")
