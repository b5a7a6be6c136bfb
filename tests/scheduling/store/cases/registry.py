"""The cases of the batched store, by name; each runs in a patched process."""

from collections.abc import Callable
from typing import Any

from scheduling.store.batched import BatchedStore
from tests.scheduling.store.samples import ECHO, sample

CASES: dict[str, Callable[[], None]] = {}

SLOW = sample(
    "slow",
    "local start = os.clock()\nredis.call('INCR', KEYS[1])\n"
    "while os.clock() - start < tonumber(ARGV[1]) do end\nreturn 'done'",
)
"""Holds the server up for ARGV[1] s."""


def case(body: Callable[[], None]) -> Callable[[], None]:
    CASES[body.__name__] = body
    return body


def run(name: str) -> None:
    CASES[name]()


def batched(url: str, **options: Any) -> BatchedStore:
    return BatchedStore(url, preload=(), **options)


def echo(store: BatchedStore, text: str) -> None:
    assert store.call(ECHO, (), [text]) == text.encode()
