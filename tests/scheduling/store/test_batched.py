"""The batched store under gevent: batching, and every way a call can go wrong."""

import pytest

from scheduling.store.batched import BatchedStore
from tests.patched import run_patched
from tests.scheduling.store.cases import every


@pytest.mark.parametrize("name", every.CASES)
def test_batched(name: str) -> None:
    run_patched("tests.scheduling.store.cases.every:run", name)


def test_a_process_that_is_not_patched_is_told() -> None:
    with (
        BatchedStore("redis://127.0.0.1:1", preload=()) as store,
        pytest.raises(RuntimeError, match="patched by gevent"),
    ):
        store.command("PING")
