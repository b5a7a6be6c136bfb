"""Entries of the outbox: taken once while they are worked on, never lost."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import redis

from scheduling.errors import CommandError, StoreUnavailable
from scheduling.outbox import Entry, Outbox
from scheduling.settings import Settings
from scheduling.store.plain import PlainStore
from tests.scheduling.crashing import lapse

STREAM = "outbox:test"


@pytest.fixture
def add(redis_client: redis.Redis) -> Callable[..., None]:
    def add(*items: int) -> None:
        for item in items:
            redis_client.xadd(STREAM, {"item": item})

    return add


def outbox(store: PlainStore, **settings: int) -> Outbox:
    return Outbox(store, Settings(redis_url="redis://unused", **settings), STREAM)  # type: ignore[arg-type]


def items(entries: list[Entry]) -> list[int]:
    return [int(entry.fields["item"]) for entry in entries]


def length(store: PlainStore) -> int:
    return int(store.command("XLEN", STREAM))


def claimed(store: PlainStore) -> int:
    return int(store.command("XPENDING", STREAM, "drain")[0])


def test_the_first_to_claim_makes_the_group(store: PlainStore, add: Callable[..., None]) -> None:
    assert outbox(store).claim() == []
    store.command("DEL", STREAM)
    add(1)
    assert items(outbox(store).claim()) == [1]


def test_what_is_claimed_is_nobody_else_s(store: PlainStore, add: Callable[..., None]) -> None:
    add(1, 2, 3)
    one, other = outbox(store), outbox(store)
    assert items(one.claim(2)) == [1, 2]
    assert items(other.claim(2)) == [3]
    assert one.claim() == other.claim() == []


def test_what_was_not_done_comes_back_before_what_is_new(store: PlainStore, add: Callable[..., None]) -> None:
    """New ones first meant: never again, on a shard that is never idle; the sessions of a killed worker's
    results stood still behind them."""
    add(1, 2)
    outbox(store).claim()
    lapse(store, STREAM)
    add(3, 4, 5)
    assert items(outbox(store).claim(2)) == [1, 2, 3, 4]


def test_done_entries_are_gone(store: PlainStore, add: Callable[..., None]) -> None:
    add(1, 2, 3)
    box = outbox(store)
    entries = box.claim()
    box.done(entries[:2])
    box.done([])
    assert (length(store), claimed(store)) == (1, 1)
    box.done(entries)
    assert (length(store), claimed(store)) == (0, 0)


def test_an_entry_that_was_deleted_but_not_acknowledged_is_forgotten(
    store: PlainStore, add: Callable[..., None]
) -> None:
    """What a connection leaves that breaks between the two halves of being done."""
    add(1)
    entry = outbox(store).claim()[0]
    store.command("XDEL", STREAM, entry.entry_id)
    lapse(store, STREAM)
    assert outbox(store).claim() == []
    assert claimed(store) == 0


def test_processes_that_drained_leave_no_name_behind(store: PlainStore, add: Callable[..., None]) -> None:
    for number in range(5):
        add(number)
        outbox(store).claim()
    assert len(store.command("XINFO", "CONSUMERS", STREAM, "drain")) == 1


def test_a_drain_takes_everything_in_batches(store: PlainStore, add: Callable[..., None]) -> None:
    add(*range(120))
    batches: list[list[int]] = []
    drained = outbox(store).drain(lambda entries: batches.append(items(entries)))
    assert (drained.count, drained.more) == (120, False)
    assert [len(batch) for batch in batches] == [50, 50, 20]
    assert [item for batch in batches for item in batch] == list(range(120))
    assert length(store) == 0


def test_a_drain_ends_when_its_number_is_reached(store: PlainStore, add: Callable[..., None]) -> None:
    add(*range(120))
    drained = outbox(store, drain_items=50).drain(lambda _: None)
    assert (drained.count, drained.more) == (50, True)


def test_a_drain_ends_when_its_time_is_over(store: PlainStore, add: Callable[..., None]) -> None:
    """However many come: each round brings a new one."""
    add(0)
    rounds = []

    def work(entries: list[Entry]) -> None:
        rounds.append(entries)
        add(len(rounds))

    drained = outbox(store, drain_ms=20, drain_items=10**9).drain(work)
    assert drained.more
    assert drained.count == len(rounds)
    assert length(store) == 1


def test_what_comes_while_a_drain_falls_asleep_is_seen(store: PlainStore, add: Callable[..., None]) -> None:
    add(1)
    late = [2]
    seen: list[int] = []
    drained = outbox(store).drain(
        lambda entries: seen.extend(items(entries)), idle=lambda: add(late.pop()) if late else None
    )
    assert seen == [1, 2]
    assert (drained.count, drained.more) == (2, False)


def test_work_that_fails_is_done_again(store: PlainStore, add: Callable[..., None]) -> None:
    add(1)

    def fail(_: list[Entry]) -> None:
        raise StoreUnavailable("gone")

    with pytest.raises(StoreUnavailable):
        outbox(store).drain(fail)
    lapse(store, STREAM)
    assert items(outbox(store).claim()) == [1]


@pytest.mark.parametrize(("at_a_time", "gathers"), [(1, False), (3, True)])
def test_only_what_comes_several_at_a_time_gathers(
    store: PlainStore,
    add: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    at_a_time: int,
    gathers: bool,
) -> None:
    waits_s: list[float] = []
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=waits_s.append)
    monkeypatch.setattr("scheduling.outbox.time", clock)
    seen: list[int] = []

    def work(entries: list[Entry]) -> None:
        seen.extend(items(entries))
        if len(seen) < 30:
            add(*[0] * at_a_time)

    add(*[0] * at_a_time)
    settings = Settings(redis_url="redis://unused", drain_ms=60_000)
    Outbox(store, settings, STREAM, gather_ms=30_000).drain(work)
    assert len(seen) == 30
    assert bool(waits_s) == gathers
    assert all(0 < wait_s <= 30 for wait_s in waits_s)


def test_gathering_does_not_outlast_the_drain(
    store: PlainStore, add: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits_s: list[float] = []
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=waits_s.append)
    monkeypatch.setattr("scheduling.outbox.time", clock)
    add(1, 2, 3)
    settings = Settings(redis_url="redis://unused")
    Outbox(store, settings, STREAM, gather_ms=60_000, most_ms=5000).drain(lambda entries: None)
    assert len(waits_s) == 1
    assert waits_s[0] <= 5


def test_other_refusals_are_passed_on(store: PlainStore) -> None:
    store.command("SET", STREAM, "no stream")
    with pytest.raises(CommandError, match="WRONGTYPE"):
        outbox(store).claim()


def test_a_flush_does_not_break_the_drain_that_waits_for_more(
    store: PlainStore, redis_client: redis.Redis, add: Callable[..., None]
) -> None:
    """The group is gone with the stream, and with it the call that was blocked there."""
    add(1)

    def flush() -> None:
        while not redis_client.info("clients")["blocked_clients"]:
            pass
        redis_client.delete(STREAM)

    settings = Settings(redis_url="redis://unused", drain_ms=60_000)
    seen: list[int] = []
    with ThreadPoolExecutor(1) as other:
        flushing = other.submit(flush)
        drained = Outbox(store, settings, STREAM, linger_ms=1500).drain(lambda new: seen.extend(items(new)))
        flushing.result()
    assert (seen, drained.more) == ([1], False)
