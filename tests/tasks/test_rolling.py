"""Workers and beat are replaced one after the other, as a deploy does, while results come."""

import signal
import time
from itertools import chain

import pytest

from tasks.names import CONTROL, DRAIN
from tests.peers import FakeClient
from tests.stack import Process, Stack, wait_until
from tests.valkey import Valkey

#: Only workers drain: the web process would take over a minute later, or when messages pile up.
PERIODS = {"sweep_ms": 500, "wake_ms": 250, "fallback_ms": 60_000}
#: A platform kills what is still there after 30 s.
GONE_S = 25.0


class Speaker:
    """A client that speaks on and on."""

    def __init__(self, client: FakeClient) -> None:
        self._client = client
        self._said = 0

    def say(self, utterances: int = 10) -> None:
        """Say some more, and wait for none of it."""
        for _ in range(utterances):
            self._client.utterance(self._said)
            self._said += 1

    def hear(self) -> None:
        """Wait for everything that was said: each once, and in order."""
        assert self._client.texts(self._said) == [f"en {index}" for index in range(self._said)]


def leave(process: Process) -> None:
    """Ask it to end; fails unless it has in time, and says that all is well."""
    asked_s = time.monotonic()
    process.terminate()
    assert process.wait() == 0, process.log
    assert time.monotonic() - asked_s < GONE_S


def test_workers_and_beat_are_replaced_under_load() -> None:
    with Stack(**PERIODS) as stack:
        kinds = {
            "control": lambda: stack.worker(CONTROL),
            "drain": lambda: stack.worker(DRAIN),
            "beat": stack.beat,
        }
        running = {kind: start() for kind, start in kinds.items()}
        for process in running.values():
            process.wait_log(" ready." if process is not running["beat"] else "beat: Starting")
        with stack.node(("en", "pt"), slots=8), stack.client() as client:
            speaker = Speaker(client)
            for kind in chain.from_iterable([kinds, kinds]):
                speaker.say()
                leave(running[kind])
                speaker.say()
                running[kind] = kinds[kind]()
                speaker.hear()
            assert stack.webs[0].stats()["fallback_drains"] == 0
        stack.assert_clean_logs()


@pytest.mark.parametrize("lost", ["killed", "stopped"])
def test_a_worker_without_its_broker_ends_when_asked(own_valkey: Valkey, lost: str) -> None:
    """Or the platform has to kill it, in the middle of whatever it does."""
    with Valkey() as ledger, Stack(webs=0, valkey=ledger, celery_broker_url=own_valkey.url) as stack:
        worker = stack.worker(DRAIN)
        worker.wait_log(" ready.")
        if lost == "killed":
            own_valkey.kill()
            worker.wait_log("Cannot connect")
        else:
            own_valkey.pause()
        asked_s = time.monotonic()
        worker.signal(signal.SIGTERM)
        worker.wait()
        assert time.monotonic() - asked_s < GONE_S
        if lost == "stopped":
            own_valkey.resume()


def test_all_queues_in_one_command_are_gone_in_time(own_valkey: Valkey) -> None:
    """``speech-dispatch worker``, as in the Procfile, while both of its workers have something to do."""
    with Stack(valkey=own_valkey, **PERIODS) as stack:
        workers = stack.start("workers", ["web.command", "worker", "--concurrency", "1"])
        wait_until(lambda: workers.log.count(" ready.") == 2, "both are ready")
        with stack.node(("en", "pt"), slots=8), stack.client() as client:
            speaker = Speaker(client)
            speaker.say(20)
            leave(workers)
            speaker.say()
            stack.start("workers again", ["web.command", "worker", "--concurrency", "1"])
            speaker.hear()
            assert stack.webs[0].stats()["fallback_drains"] == 0
        stack.assert_clean_logs()
