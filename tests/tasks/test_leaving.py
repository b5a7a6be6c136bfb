"""A worker ends soon, whatever its child is about when it is asked to."""

import os
import signal
from pathlib import Path

from scheduling.settings import Settings
from tasks.configuration import make_app
from tasks.names import CONTROL, SETTLE
from tasks.wakeups import Wakeups
from tests.stack import Stack, wait_until
from tests.valkey import Valkey

#: A platform kills what is still there after 30 s, and that was how long it took.
GONE_S = 25.0


def test_a_task_that_its_child_has_not_begun_holds_up_nobody(own_valkey: Valkey) -> None:
    """Celery forgets such a task when it stops, and reads no more; its child did it, and waited for 30 s."""
    with Stack(valkey=own_valkey) as stack:
        worker = stack.worker(CONTROL)
        worker.wait_log(" ready.")
        us = Path(f"/proc/{worker.process.pid}/task")
        child = int((us / str(worker.process.pid) / "children").read_text())
        os.kill(child, signal.SIGSTOP)
        wakeups = Wakeups(make_app(Settings(redis_url=own_valkey.url)))
        assert wakeups.send(SETTLE, CONTROL)
        wakeups.close()
        with stack.redis as broker:
            wait_until(lambda: broker.hlen("sd-0-unacked") == 1, "the worker to take the message")
        threads = len(list(us.iterdir()))
        worker.terminate()
        wait_until(
            lambda: len(list(us.iterdir())) > threads, "it to wait for its child, with a thread that beats"
        )
        os.kill(child, signal.SIGCONT)
        assert worker.wait(GONE_S) == 0
        stack.assert_clean_logs()
