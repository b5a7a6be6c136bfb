"""The snapshot of the pools: in every web process soon, compiled on change only, back after a flush."""

from collections.abc import Iterator

import pytest

from tests.stack import Stack, Web, wait_until

#: A new version is in every web process within this time of being in Redis; the machine may be busy.
WITHIN_S = 5.0


@pytest.fixture
def stack() -> Iterator[Stack]:
    """Give two web processes with workers; each test flushes or counts, so each has its own."""
    with Stack(webs=2, workers=True) as running:
        yield running
        running.assert_clean_logs()


def version_in(web: Web) -> int:
    return int(web.stats()["pools_version"])


def version_in_force(stack: Stack) -> int:
    return int(stack.redis.hget("sd:{0}:cell", "snapshot_version") or 0)


def wait_everywhere(stack: Stack, version: int) -> None:
    wait_until(lambda: version_in_force(stack) == version, f"snapshot {version}")
    wait_until(lambda: [version_in(web) for web in stack.webs] == [version] * 2, "both to have it", WITHIN_S)


def test_every_web_process_takes_in_what_changed(stack: Stack) -> None:
    with stack.node(("sa", "sb")):
        wait_everywhere(stack, 1)
        with stack.node(("sa", "sc"), web=1):
            wait_everywhere(stack, 2)


def test_nothing_is_compiled_where_nothing_changed(stack: Stack) -> None:
    with stack.node(("sa", "sb")) as node, stack.client("sa", "sb", web=1) as client:
        client.say()
        client.result()
        wait_everywhere(stack, 1)
        wait_until(lambda: stack.redis.xlen("sd:{0}:outbox:nodes") == 0, "the workers to be done")
        compiled = stack.redis.hget("sd:{0}:cell", "snapshot_seq")
        with stack.node(("sa", "sb"), web=1):
            for _ in range(3):
                client.say()
            client.result(4)
            node.heartbeat()
            wait_until(lambda: stack.redis.xlen("sd:{0}:outbox:nodes") == 0, "the workers to be done")
            assert stack.redis.hget("sd:{0}:cell", "snapshot_seq") == compiled


def test_it_is_built_anew_after_a_flush(stack: Stack) -> None:
    with stack.node(("sa", "sb")) as one, stack.node(("sa", "sc"), web=1) as other:
        wait_everywhere(stack, 2)
        stack.redis.flushall()
        for node in (one, other):
            node.heartbeat()
            stack.wait_dispatchable(node.node_id)
        wait_everywhere(stack, 2)
        for web, tgt in ((0, "sc"), (1, "sb")):
            with stack.client("sa", tgt, web=web) as client:
                client.say()
                assert client.result()["text_translated"] == f"{tgt} 0"
