"""Real workers: killed in the middle of a drain, and going on in a new message."""

import os
import signal
from collections.abc import Iterator

import pytest

from tasks.names import DRAIN, DRAIN_RESULTS
from tasks.wakeups import Wakeups
from tests.stack import Process, Stack, wait_until
from tests.tasks.backlog import Backlog
from tests.tasks.broker import app_on
from tests.valkey import Valkey


@pytest.fixture
def wakeups(own_valkey: Valkey) -> Iterator[Wakeups]:
    made = Wakeups(app_on(own_valkey.url))
    yield made
    made.close()


def wake_until_done(wakeups: Wakeups, backlog: Backlog) -> None:
    """Repeat the wake-ups as web processes do, until nothing is left."""

    def done() -> bool:
        for shard in range(4):
            wakeups.send(DRAIN_RESULTS, DRAIN, (shard,))
        return backlog.undone == 0

    wait_until(done, "the backlog is drained")


def signal_group(worker: Process, number: signal.Signals) -> None:
    os.killpg(worker.process.pid, number)


def test_a_worker_killed_in_the_middle_of_a_drain_loses_nothing(own_valkey: Valkey, wakeups: Wakeups) -> None:
    backlog = Backlog(own_valkey.url, sessions=100)
    with Stack(webs=0, valkey=own_valkey, claim_ms=500) as stack:
        worker = stack.worker(DRAIN)
        worker.wait_log(" ready.")

        def stopped_in_the_middle() -> bool:
            signal_group(worker, signal.SIGCONT)
            for shard in range(4):
                wakeups.send(DRAIN_RESULTS, DRAIN, (shard,))
            wait_until(lambda: backlog.claimed > 0 or backlog.undone == 0, "the worker claims something")
            signal_group(worker, signal.SIGSTOP)
            assert backlog.undone, "it was too fast"
            return backlog.claimed > 0

        wait_until(stopped_in_the_middle, "the worker is stopped while it holds claims")
        signal_group(worker, signal.SIGKILL)
        stack.worker(DRAIN).wait_log(" ready.")
        wake_until_done(wakeups, backlog)
        backlog.assert_told_once_and_in_order()
    backlog.close()


def test_a_drain_whose_time_is_over_goes_on_in_a_new_message(own_valkey: Valkey, wakeups: Wakeups) -> None:
    """One wake-up a shard is enough, however much there is, and nobody waits behind it for long."""
    backlog = Backlog(own_valkey.url, sessions=30)
    with Stack(webs=0, valkey=own_valkey, drain_items=50) as stack:
        stack.worker(DRAIN).wait_log(" ready.")
        for shard in range(4):
            wakeups.send(DRAIN_RESULTS, DRAIN, (shard,))
        wait_until(lambda: backlog.undone == 0, "everything is drained")
        backlog.assert_told_once_and_in_order()
        assert runs_of(own_valkey.url, DRAIN_RESULTS) >= backlog.jobs // 50
        stack.assert_clean_logs()
    backlog.close()


def test_a_worker_without_its_ledger_says_so_in_a_line_and_goes_on(
    own_valkey: Valkey, wakeups: Wakeups
) -> None:
    with (
        Valkey() as ledger,
        Stack(webs=0, valkey=ledger, celery_broker_url=own_valkey.url, store_timeout_s=0.2) as stack,
    ):
        ledger.kill()
        worker = stack.worker(DRAIN)
        worker.wait_log(" ready.")
        wakeups.send(DRAIN_RESULTS, DRAIN, (0,))
        worker.wait_log("raised expected: StoreUnavailable")
        assert "Traceback" not in worker.log
        ledger.start()
        backlog = Backlog(ledger.url, sessions=1)
        wake_until_done(wakeups, backlog)
        backlog.assert_told_once_and_in_order()
        backlog.close()


def runs_of(url: str, task: str) -> int:
    """Ask the one worker how often it ran a task."""
    app = app_on(url)
    (stats,) = app.control.inspect(timeout=10.0, limit=1).stats().values()
    app.pool.force_close_all()
    return int(stats["total"].get(task, 0))
