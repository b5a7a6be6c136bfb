"""Alerts of web processes and of Redis: all are broken for real, and the rules fire on what is scraped."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from tests.credentials import CredentialFile, bearer
from tests.deploy.replay import Scrape, assert_fires, scrape
from tests.peers import Peer
from tests.programs import needs
from tests.stack import Stack, Web, wait_until
from tests.valkey import Valkey, free_port
from tests.web.metrics.scrape import instances, samples, total
from tests.web.room_peers import room

#: For so long (s) a process gets no processor: well above what its alert bears.
_STOPPED_S = 0.7

pytestmark = needs("promtool", "prometheus")


def pid_of(web: Web) -> int:
    """Give the process that serves: gunicorn's own is its parent."""
    return int(web.stats()["instance"].rsplit("-", 2)[1])


def after_a_stop(web: Web, pid: int, times: str, meanwhile: Callable[[], None]) -> tuple[Scrape, Scrape]:
    """Take the processor from a process for a moment; give scrapes from before and after."""

    def late() -> float:
        found = samples(web)
        return total(found, f"{times}_count") - total(found, f"{times}_bucket", le="0.3102")

    well, before = scrape(web), late()
    os.kill(pid, signal.SIGSTOP)
    meanwhile()
    time.sleep(_STOPPED_S)
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: late() > before, "it to be felt")
    return well, scrape(web)


def test_processes_that_get_no_processor(tmp_path: Path, own_valkey: Valkey) -> None:
    """EventLoopLate; SlowLedger, when it is Redis."""
    with Stack(valkey=own_valkey) as stack, stack.node(("en", "pt")) as node:
        web = stack.webs[0]
        late = after_a_stop(web, pid_of(web), "event_loop_lag_seconds", node.heartbeat)
        assert_fires(tmp_path, "EventLoopLate", *late)
        slow = after_a_stop(web, own_valkey.pid, "script_seconds", node.heartbeat)
        assert_fires(tmp_path, "SlowLedger", *slow)


def test_somebody_who_tries_credentials(tmp_path: Path) -> None:
    """CredentialsGuessed: one wrong token after the other."""
    file = CredentialFile(tmp_path)
    file.static("node")
    with Stack(credentials_file=str(file.path), peer_guesses=1) as stack:
        web = stack.webs[0]
        well = scrape(web)
        for number in range(100):
            with pytest.raises(InvalidStatus):
                Peer(web.url("/ws/node"), bearer(f"guess-{number}"))
        assert_fires(tmp_path, "CredentialsGuessed", well, scrape(web))


def test_a_redis_that_is_full_and_then_gone(tmp_path: Path, own_valkey: Valkey) -> None:
    """LedgerMemory, LedgerRefusesSweeps and LedgerDown."""
    with Stack(valkey=own_valkey, store_timeout_s=0.5) as stack, stack.redis as redis:
        web = stack.webs[0]
        redis.config_set("maxmemory", "1gb")
        well = scrape(web)
        redis.config_set("maxmemory", int(1.05 * redis.info("memory")["used_memory"]))
        assert_fires(tmp_path, "LedgerMemory", well, scrape(web))
        redis.config_set("maxmemory", 1)
        wait_until(lambda: total(samples(web), "redis_up") == 0, "a sweep to be refused")
        assert_fires(tmp_path, "LedgerRefusesSweeps", well, scrape(web))
        own_valkey.kill()
        wait_until(lambda: total(samples(web), "ledger_up") == 0, "it to be missed")
        assert_fires(tmp_path, "LedgerDown", well, scrape(web))


def test_a_process_that_stands_still(tmp_path: Path) -> None:
    """InboxGrows, and InstanceLost after a while."""
    with Stack(webs=2, presence_ms=1000, instance_dead_ms=8000) as stack:
        code, (speaker, listener) = room(stack, "en", None, None)
        kept, stopped = stack.webs
        with speaker, listener:
            well, pid = scrape(kept), pid_of(stopped)
            os.kill(pid, signal.SIGSTOP)
            try:
                for number in range(1050):
                    speaker.send("webrtc_ice", room_code=code, to=listener.session_id, candidate=str(number))
                wait_until(lambda: total(samples(kept), "inbox_entries") > 1000, "its inbox to grow")
                assert_fires(tmp_path, "InboxGrows", well, scrape(kept))
                wait_until(lambda: total(samples(kept), "instances_lost_total") == 1, "it to be given up")
                assert_fires(tmp_path, "InstanceLost", well, scrape(kept))
            finally:
                os.kill(pid, signal.SIGCONT)


def test_a_sweep_that_does_not_end(tmp_path: Path) -> None:
    """SweepStuck."""
    with Stack() as stack:
        port = free_port()
        stack.start("stuck", ["tests.deploy.stuck_sweep"], {"PORT": str(port)})
        web = stack.webs[0]

        def age_s() -> float:
            return max(value for _, value in samples(web)["speech_dispatch_sweep_age_seconds"])

        wait_until(lambda: len(instances(samples(web), "sweep_age_seconds")) == 2, "both to be heard")
        well = scrape(web)
        (stack.folder / "stuck").touch()
        wait_until(lambda: age_s() > 2, "its sweep to stand still")
        early = scrape(web)
        wait_until(lambda: age_s() > 3, "it to go on so")
        assert_fires(tmp_path, "SweepStuck", well, scrape(web), aging=early)
