"""What a process counts is told once, also when it tells while it is telling."""

from types import SimpleNamespace
from typing import Any, cast

import gevent
import pytest

import web.usage
from scheduling.ledger import Ledger
from scheduling.usage import Batch


def test_two_may_tell_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a process ends in the moment it announces itself: the second found nothing to take away."""
    told: list[int] = []

    def add_usage(cell: Any, instance: str, batch: Batch) -> None:
        gevent.sleep(0)
        told.append(batch.number)

    monkeypatch.setattr(web.usage, "add_usage", add_usage)
    cell = SimpleNamespace(settings=SimpleNamespace(usage_days=1))
    book = web.usage.UsageBook(cast(Ledger, SimpleNamespace(cell=cell)), "web1")
    book.spoke("acme", 1000)
    both = [gevent.spawn(book.settle) for _ in range(2)]
    gevent.joinall(both, raise_error=True)
    assert told == [1]
