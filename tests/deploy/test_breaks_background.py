"""Alerts of workers, beat and the broker: all are broken for real, and the rules fire on what is scraped."""

from pathlib import Path

from scheduling.keys import Keys
from tasks.names import ASSIGN_POOLS, CONTROL, DRAIN
from tests.deploy.replay import assert_fires, scrape
from tests.programs import needs
from tests.stack import Stack, wait_until
from tests.tasks.broker import app_on
from tests.valkey import Valkey
from tests.web.metrics.scrape import samples, total

#: Failures of a task; the rule wants more than 6 in 10 min.
_FAILURES = 20
_DIRTY = Keys("0").dirty

pytestmark = needs("promtool", "prometheus")


def test_background_work_that_fails_stops_and_is_gone(tmp_path: Path, own_valkey: Valkey) -> None:
    """WorkerNotConsuming, TasksFail, NoWorker, BeatMissing, ResultsLate and BrokerAway, one after the other.

    One system for all of them: its processes take seconds to start, and as long until they are missed.
    """
    with (
        Stack(celery_broker_url=own_valkey.url, workers=True, beat=True, fallback_ms=600_000) as stack,
        stack.redis as redis,
        app_on(own_valkey.url) as app,
        stack.node(("en", "pt")),
        stack.client() as client,
    ):
        web = stack.webs[0]
        wait_until(lambda: total(samples(web), "workers") == 2, "both workers to be heard")
        wait_until(lambda: total(samples(web), "beats") == 1, "beat to be heard")

        def failures() -> float:
            return total(samples(web), "task_failures_total", task="assign_pools")

        app.send_task(ASSIGN_POOLS, queue=CONTROL)
        tasks = "task_seconds_count"
        wait_until(lambda: total(samples(web), tasks, task="assign_pools") > 0, "the task to be counted")
        well = scrape(web)

        # A worker that is connected and takes nothing, as after some blips of Redis.
        app.control.cancel_consumer(DRAIN, reply=True, timeout=10)
        client.say()
        wait_until(lambda: total(samples(web), "queue_messages", queue=DRAIN) > 0, "messages to wait")
        early = scrape(web)

        def is_idle() -> bool:
            before = total(early.samples, "worker_idle_seconds", queue=DRAIN)
            return total(samples(web), "worker_idle_seconds", queue=DRAIN) > before

        wait_until(is_idle, "it to stay idle")
        assert_fires(tmp_path, "WorkerNotConsuming", well, scrape(web), aging=early)

        # A key that something else has overwritten. While it is so, the web process cannot read what is told.
        redis.set(_DIRTY, "no stream")
        for _ in range(_FAILURES):
            app.send_task(ASSIGN_POOLS, queue=CONTROL)
        control = stack.processes[0]
        wait_until(lambda: control.log.count("raised unexpected") >= _FAILURES, "the task to fail")
        redis.delete(_DIRTY)
        wait_until(lambda: failures() >= _FAILURES, "that to be told")
        assert_fires(tmp_path, "TasksFail", well, scrape(web))

        for process in stack.processes:
            if process is not web:
                process.kill()
        wait_until(
            lambda: total(samples(web), "workers") + total(samples(web), "beats") == 0, "all to be missed"
        )
        gone = scrape(web)
        assert_fires(tmp_path, "NoWorker", well, gone)
        assert_fires(tmp_path, "BeatMissing", well, gone)
        wait_until(lambda: total(samples(web), "outbox_age_seconds") > 5, "the result to be late")
        assert_fires(tmp_path, "ResultsLate", well, scrape(web))

        own_valkey.kill()
        wait_until(lambda: total(samples(web), "broker_state", state="unreachable") == 1, "it to be missed")
        assert_fires(tmp_path, "BrokerAway", well, scrape(web))
        app.pool.force_close_all()
