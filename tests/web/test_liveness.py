"""``/health``: a process that stands still should be started again; one without Redis should not."""

import os
import signal

from tests.stack import Stack, wait_until
from tests.valkey import Valkey


def test_a_process_that_stood_still_says_so_and_then_is_well_again() -> None:
    with Stack(health_s=6) as own:
        web = own.webs[0]
        wait_until(lambda: web.get("/health") == (200, "OK\n"), "it to run")
        pid = int(web.stats()["instance"].rsplit("-", 2)[1])
        os.kill(pid, signal.SIGSTOP)
        status, _ = web.get("/health")  # nobody answers for 10 s
        os.kill(pid, signal.SIGCONT)
        assert status == 0
        wait_until(lambda: web.get("/health")[0] == 503, "it to notice that it stood still")
        assert "the event loop stood still" in web.get("/health")[1]
        wait_until(lambda: web.get("/health")[0] == 200, "it to be well again")


def test_no_restart_mends_a_redis_that_is_away(own_valkey: Valkey) -> None:
    with Stack(valkey=own_valkey, health_s=60, store_timeout_s=0.2) as own:
        own_valkey.kill()
        wait_until(lambda: own.webs[0].get("/ready")[0] == 503, "it to notice")
        assert own.webs[0].get("/health")[0] == 200
        own_valkey.start()


def test_sweeps_that_hang_are_noticed(own_valkey: Valkey) -> None:
    """Redis is stopped in the middle of what it does: connections stay, and each call takes its time-out."""
    with Stack(valkey=own_valkey, health_s=0.5, store_timeout_s=30) as own:
        own_valkey.pause()
        try:
            wait_until(lambda: own.webs[0].get("/health")[0] == 503, "the sweep to hang")
            assert "no sweep has ended" in own.webs[0].get("/health")[1]
        finally:
            own_valkey.resume()
        wait_until(lambda: own.webs[0].get("/health")[0] == 200, "it to go on")
