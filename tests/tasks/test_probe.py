"""`speech-dispatch check worker` on real workers, one of which takes nothing though it is connected."""

import json
from typing import Any

from scheduling.ledger.cell import Cell
from scheduling.metrics.announced import read_announced
from scheduling.settings import Settings
from scheduling.store.plain import PlainStore
from tasks.names import DRAIN
from tests import warm
from tests.stack import Stack, wait_until
from tests.tasks.broker import app_on
from tests.valkey import Valkey
from tests.web.metrics.scrape import samples, total


def check(stack: Stack, *arguments: str) -> tuple[int, str]:
    done = warm.run("web.command", "check", "worker", *arguments, env=stack._env({}))
    return done.returncode, done.stdout + done.stderr


def test_a_worker_that_takes_no_task_is_found(own_valkey: Valkey) -> None:
    """Celery issue 8030 and its like: after a blip of Redis a worker is connected, and never works again."""
    with Stack(webs=1, valkey=own_valkey) as own:
        worker = own.worker(DRAIN)
        worker.wait_log(" ready.")
        wait_until(lambda: total(samples(own.webs[0]), "workers", queue=DRAIN) == 1, "it to be heard")
        code, said = check(own, "--queue", DRAIN, "--idle-s", "0")
        assert (code, "lives" in said) == (0, True), said
        app = app_on(own_valkey.url)
        app.control.cancel_consumer(DRAIN, reply=True, timeout=10)
        code, said = check(own, "--queue", DRAIN, "--idle-s", "0", "--within-s", "6")
        assert (code, "takes no task" in said) == (1, True), said
        # The alert WorkerNotConsuming looks at these two.
        wait_until(lambda: total(samples(own.webs[0]), "queue_messages", queue=DRAIN) > 0, "messages to wait")
        before = total(samples(own.webs[0]), "worker_idle_seconds", queue=DRAIN)
        wait_until(
            lambda: total(samples(own.webs[0]), "worker_idle_seconds", queue=DRAIN) > before,
            "it to stay idle",
        )
        app.control.add_consumer(DRAIN, reply=True, timeout=10)
        assert check(own, "--queue", DRAIN, "--idle-s", "0")[0] == 0
        app.pool.force_close_all()


def test_a_worker_that_is_not_there_is_missed(own_valkey: Valkey) -> None:
    with Stack(webs=1, valkey=own_valkey) as own:
        code, said = check(own)
        assert code == 1
        assert "no worker for control is heard; no worker for drain is heard" in said
        # The alert NoWorker looks at this.
        found = samples(own.webs[0])["speech_dispatch_workers"]
        assert {labels["queue"]: value for labels, value in found} == {"control": 0, "drain": 0}


def test_where_redis_does_not_answer_nobody_is_blamed(own_valkey: Valkey) -> None:
    with Stack(webs=0, valkey=own_valkey, store_timeout_s=0.2) as own:
        own_valkey.kill()
        code, said = check(own)
        assert (code, "nothing is known" in said) == (0, True)


def test_what_a_worker_tells_can_be_read_by_any(own_valkey: Valkey) -> None:
    with Stack(webs=0, valkey=own_valkey, beat=True) as own:
        own.worker("control").wait_log(" ready.")
        settings = Settings(redis_url=own_valkey.url)
        with PlainStore(own_valkey.url) as store:
            cell = Cell(store, settings)

            def told() -> dict[str, Any]:
                names = [name.decode() for name in store.command("ZRANGE", cell.keys.workers, 0, -1)]
                return {name: json.loads(one.dump()) for name, one in read_announced(cell, names).items()}

            wait_until(lambda: any("task_seconds" in one for one in told().values()), "a task to be told of")
