"""Our scheduler on a real broker, with and without anybody who works."""

import logging
from collections.abc import Iterator

import pytest

from scheduling.ledger import Ledger
from scheduling.settings import Settings
from scheduling.store.plain import PlainStore
from scheduling.workers import read_beats, read_workers
from tasks.beat import BoundedScheduler
from tasks.configuration import PERIODIC
from tasks.names import CONTROL, DRAIN
from tasks.wakeups import MOST_WAITING
from tests.tasks.broker import app_on, clients, waiting
from tests.valkey import Valkey


@pytest.fixture(autouse=True)
def ledger(own_valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """Give the ledger that hears of the beat, on the server of the broker."""
    settings = Settings(redis_url=own_valkey.url)
    with PlainStore(settings.redis_url, timeout_s=1.0) as store:
        monkeypatch.setattr("tasks.beat.worker_ledger", lambda: made)
        made = Ledger(store, settings)
        yield made


def send_all(scheduler: BoundedScheduler) -> None:
    for entry in scheduler.schedule.values():
        scheduler.apply_entry(entry)


def test_it_is_the_one_celery_beat_starts(valkey: Valkey) -> None:
    app = app_on(valkey.url)
    service = app.Beat(quiet=True).Service(app=app, scheduler_cls=app.conf.beat_scheduler)
    scheduler = service.scheduler
    assert isinstance(scheduler, BoundedScheduler)
    assert {entry.task for entry in scheduler.schedule.values()} == set(PERIODIC)


def test_what_is_due_goes_to_its_queue(own_valkey: Valkey) -> None:
    scheduler = BoundedScheduler(app_on(own_valkey.url))
    send_all(scheduler)
    of_control = sum(queue == CONTROL for _, queue in PERIODIC.values())
    assert waiting(own_valkey.url, CONTROL) == of_control
    assert waiting(own_valkey.url, DRAIN) == len(PERIODIC) - of_control
    scheduler.close()
    assert clients(own_valkey.url) == 0


def test_the_ledger_hears_of_it_even_when_the_broker_is_another_that_is_away(
    own_valkey: Valkey, ledger: Ledger
) -> None:
    """Nobody missed a beat that had ended: what it does is the second line of what others do."""
    with Valkey() as broker:
        scheduler = BoundedScheduler(app_on(broker.url))
        broker.kill()
        send_all(scheduler)
    seconds, _ = ledger.cell.store.command("TIME")
    now_ms = int(seconds) * 1000
    assert len(read_beats(ledger.cell, now_ms)) == 1
    assert read_workers(ledger.cell, now_ms) == {}, "it is no worker"
    scheduler.close()


def test_a_weekend_without_workers_fills_no_memory(own_valkey: Valkey) -> None:
    """Celery's own goes on adding more than a message a second."""
    scheduler = BoundedScheduler(app_on(own_valkey.url))
    for _ in range(MOST_WAITING + 20):
        send_all(scheduler)
    assert waiting(own_valkey.url, CONTROL) == waiting(own_valkey.url, DRAIN) == MOST_WAITING
    scheduler.close()


def test_a_broker_that_fails_is_told_once_and_its_return_too(
    own_valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    own_valkey.kill()
    scheduler = BoundedScheduler(app_on(own_valkey.url))
    with caplog.at_level(logging.INFO, logger="tasks.beat"):
        for _ in range(3):
            send_all(scheduler)
        own_valkey.start()
        for _ in range(3):
            send_all(scheduler)
    told = [record.getMessage() for record in caplog.records if record.name == "tasks.beat"]
    assert len(told) == 2
    assert "takes no messages" in told[0]
    assert "takes messages again" in told[1]
    scheduler.close()


def test_it_starts_without_a_broker(own_valkey: Valkey) -> None:
    """Celery's own waits for the broker before its first tick, and stays for ever in a stopped one."""
    own_valkey.kill()
    scheduler = BoundedScheduler(app_on(own_valkey.url))
    for _ in PERIODIC:
        scheduler.tick()
    scheduler.close()
