"""Calls of the batched store in any order, whatever happens to their connection."""

from typing import Any

import gevent
from greenlet import GreenletExit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduling.errors import ScriptError
from scheduling.store.batched import BatchedStore
from scheduling.store.plain import PlainStore
from tests.scheduling.store.cases.registry import batched, case
from tests.scheduling.store.proxy import Proxy
from tests.scheduling.store.samples import ECHO, FAILS
from tests.valkey import Valkey

Action = tuple[str, int]
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["call", "call", "call", "submit", "fail", "kill", "flush", "cut", "turn", "later"]),
        st.integers(0, 1000),
    ),
    max_size=40,
)


@case
def whatever_happens_each_call_ends_once_with_its_own_answer() -> None:
    """Calls, kills, flushed caches and cut connections in any order."""
    with Valkey() as server, Proxy(server.port) as proxy, batched(proxy.url, timeout_s=20.0) as store:
        admin = PlainStore(server.url)

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(ACTIONS)
        def play(actions: list[Action]) -> None:
            _play(actions, store, proxy, admin)

        play()
        admin.close()


def _play(actions: list[Action], store: BatchedStore, proxy: Proxy, admin: PlainStore) -> None:
    started: list[tuple[gevent.Greenlet[..., Any], int]] = []
    killed: set[int] = set()
    submitted: list[tuple[Any, int]] = []
    for index, (what, number) in enumerate(actions):
        if what == "call":
            started.append((gevent.spawn(store.call, ECHO, (), [f"{index}:{number}"]), index))
        elif what == "submit":
            submitted.append((store.submit(ECHO, (), [f"{index}:{number}"]), index))
        elif what == "fail":
            started.append((gevent.spawn(store.call, FAILS), index))
        elif what == "kill" and started:
            victim, of = started[number % len(started)]
            victim.kill(block=False)
            killed.add(of)
        elif what == "flush":
            admin.command("SCRIPT", "FLUSH")
        elif what == "cut":
            proxy.cut()
        else:
            gevent.sleep(0 if what == "turn" else 0.001)
    gevent.joinall([worker for worker, _ in started])
    expected = {index: f"{index}:{number}".encode() for index, (_, number) in enumerate(actions)}
    for worker, index in started:
        if index in killed and isinstance(worker.value, GreenletExit):
            continue
        if actions[index][0] == "fail":
            assert isinstance(worker.exception, ScriptError)
        else:
            assert worker.value == expected[index]
    assert [call.wait() for call, _ in submitted] == [expected[index] for _, index in submitted]
