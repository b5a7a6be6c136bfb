"""Redis is there and will not do what it is asked: full, read-only, slow, busy, loading, out of connections.

Peers are told clearly, readiness says why, nothing ends, and all goes on by itself when the trouble is over.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
import redis

from tests.stack import Stack, wait_until
from tests.valkey import Valkey

PAIR = ("en", "pt")
SPIN = "local at = redis.call('TIME')[1] while redis.call('TIME')[1] - at < 60 do end"


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong with a server, and how it is mended."""

    begins: Callable[[redis.Redis], object]
    ends: Callable[[redis.Redis], object]
    reason: str
    """Word of the reason that readiness gives."""


def _spin(client: redis.Redis) -> None:
    """Keep the server busy with somebody's slow script, which only reads."""
    client.config_set("busy-reply-threshold", 50)

    def run() -> None:
        with suppress(redis.RedisError), redis.Redis(port=client.get_connection_kwargs()["port"]) as other:
            other.eval(SPIN, 0)

    threading.Thread(target=run, daemon=True).start()


def _shut_out(client: redis.Redis) -> None:
    client.config_set("maxclients", 1)
    client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


TROUBLES = {
    "out of memory": Trouble(
        lambda client: client.config_set("maxmemory", "1mb"),
        lambda client: client.config_set("maxmemory", "0"),
        "out of memory",
    ),
    "a replica": Trouble(
        lambda client: client.replicaof("127.0.0.1", "1"),
        lambda client: client.replicaof("NO", "ONE"),
        "takes no writes",
    ),
    "writes paused": Trouble(
        lambda client: client.execute_command("CLIENT", "PAUSE", 60_000, "WRITE"),
        lambda client: client.client_unpause(),
        "does not answer",
    ),
    "busy with a script": Trouble(_spin, lambda client: client.script_kill(), "BUSY"),
    "no connection left": Trouble(
        _shut_out, lambda client: client.config_set("maxclients", 100), "maxclients"
    ),
}


@pytest.fixture
def stack() -> Iterator[Stack]:
    with Stack(store_timeout_s=0.4) as one:
        yield one
        one.assert_clean_logs()


@pytest.mark.parametrize("name", list(TROUBLES))
def test_trouble_is_told_and_over_when_it_is_over(stack: Stack, name: str) -> None:
    trouble = TROUBLES[name]
    with stack.node(PAIR) as node, stack.client() as client, stack.redis as ledger:
        client.say()
        client.result()
        trouble.begins(ledger)
        try:
            wait_until(lambda: stack.webs[0].get("/ready")[0] == 503, "not to be ready")
            wait_until(lambda: trouble.reason in stack.webs[0].get("/ready")[1]["reason"], trouble.reason)
            client.say()
            refused = client.wait("error")
            assert refused["code"] == "SCHEDULER_DEPENDENCY_DOWN"
            assert refused["details"]["utterance_index"] == 1
            node.heartbeat()
            assert node.wait("error")["code"] == "SCHEDULER_DEPENDENCY_DOWN"
            assert stack.webs[0].get("/health")[0] == 200, "the process itself is well"
        finally:
            trouble.ends(ledger)
        stack.webs[0].wait_ready()
        node.heartbeat()
        stack.wait_dispatchable(node.node_id)
        client.say()
        client.wait("translation_result", text_asr="en 2")
        assert client.texts(2) == ["en 0", "en 2"]


def test_short_pause_is_not_even_noticed(stack: Stack) -> None:
    with stack.node(PAIR), stack.client() as client, stack.redis as ledger:
        client.say()
        client.result()
        ledger.execute_command("CLIENT", "PAUSE", 200, "ALL")
        client.say()
        assert client.texts(2) == ["en 0", "en 1"]
        assert not client.all("error")


def test_result_that_comes_while_redis_is_full_is_kept_by_the_process(stack: Stack) -> None:
    """A node says it once; it is offered to the ledger until there is room for it."""
    with stack.node(PAIR, answer=None) as node, stack.client() as client, stack.redis as ledger:
        client.say()
        job = node.job()
        trouble = TROUBLES["out of memory"]
        trouble.begins(ledger)
        node.answer(job)
        wait_until(lambda: stack.webs[0].get("/ready")[0] == 503, "not to be ready")
        assert not client.results
        trouble.ends(ledger)
        assert client.texts(1) == ["en 0"]


def test_server_that_loads_its_data_is_waited_for() -> None:
    """Until it has, nobody is ready; nothing that was there is taken for lost."""
    slowly = {"key_load_delay": "2000", "loading_process_events_interval_bytes": "1024"}
    lasting = {"appendonly": "yes", "appendfsync": "always", "aof_use_rdb_preamble": "no"}
    with Valkey(**lasting, **slowly) as valkey, Stack(valkey=valkey) as stack:
        with stack.node(PAIR), stack.client() as client:
            client.say()
            client.result()
            with stack.redis as ledger:
                for number in range(2000):
                    ledger.set(f"ballast:{number}", "x" * 1000)
            valkey.restart(ready=False)
            wait_until(lambda: stack.webs[0].get("/ready")[0] == 503, "not to be ready")
            stack.webs[0].wait_ready()
            client.say()
            assert client.texts(2) == ["en 0", "en 1"]
            assert not client.all("error")
        stack.assert_clean_logs()
