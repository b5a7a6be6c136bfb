"""Wake-ups on a real broker that fails in every way it can."""

import gc
from pathlib import Path

import pytest
from kombu.exceptions import OperationalError

from tasks.names import CONTROL, DRAIN, DRAIN_RESULTS, SETTLE
from tasks.wakeups import MOST_WAITING, Wakeups
from tests.tasks.broker import app_on, clients, waiting
from tests.valkey import Valkey, free_port


def open_files() -> int:
    gc.collect()  # a transport of kombu's refers to itself
    return len(list(Path("/proc/self/fd").iterdir()))


def test_without_workers_a_queue_stays_short(own_valkey: Valkey) -> None:
    """Redis knows no time to live of a message: void ones lie there until a worker takes them."""
    wakeups = Wakeups(app_on(own_valkey.url))
    sent = [wakeups.send(DRAIN_RESULTS, DRAIN, (0,)) for _ in range(MOST_WAITING + 50)]
    assert sent == [True] * MOST_WAITING + [False] * 50
    assert waiting(own_valkey.url, DRAIN) == MOST_WAITING
    assert wakeups.send(SETTLE, CONTROL), "the other queue is not full"
    wakeups.close()


def test_senders_after_the_first_find_the_queue_full(own_valkey: Valkey) -> None:
    for _ in range(3):
        wakeups = Wakeups(app_on(own_valkey.url))
        while wakeups.send(SETTLE, CONTROL):
            pass
        wakeups.close()
    assert waiting(own_valkey.url, CONTROL) == MOST_WAITING


def test_a_queue_that_is_worked_on_never_seems_full(own_valkey: Valkey) -> None:
    """The room seen last runs out all the time; looking again must not wait when there was some."""
    app = app_on(own_valkey.url)
    wakeups = Wakeups(app)
    with app.connection_for_read() as connection:
        for _ in range(3):
            assert all(wakeups.send(SETTLE, CONTROL) for _ in range(MOST_WAITING))
            connection.default_channel.queue_purge(CONTROL)
    wakeups.close()


def test_a_refused_connection_is_an_error_each_time_and_leaves_nothing_open() -> None:
    wakeups = Wakeups(app_on(f"redis://127.0.0.1:{free_port()}"))
    before = open_files()
    for _ in range(5):
        with pytest.raises(OperationalError):
            wakeups.send(SETTLE, CONTROL)
    assert open_files() <= before


def test_a_broker_that_was_killed_is_used_again_when_it_is_back(own_valkey: Valkey) -> None:
    """Celery's pool of connections, told to drop them all, was closed for ever and raised from then on."""
    wakeups = Wakeups(app_on(own_valkey.url))
    for _ in range(3):
        assert wakeups.send(SETTLE, CONTROL)
        own_valkey.kill()
        with pytest.raises(OperationalError):
            wakeups.send(SETTLE, CONTROL)
        own_valkey.start()
    assert wakeups.send(SETTLE, CONTROL)
    assert clients(own_valkey.url) <= 2
    wakeups.close()
    assert clients(own_valkey.url) == 0


def test_a_stopped_broker_does_not_block_for_ever(own_valkey: Valkey) -> None:
    """`delay()` was still blocked after 40 s: kombu waits without end unless told how long."""
    wakeups = Wakeups(app_on(own_valkey.url))
    assert wakeups.send(SETTLE, CONTROL)
    before = open_files()
    own_valkey.pause()
    try:
        for _ in range(2):  # on the connection it has, and on a new one, which the kernel takes
            with pytest.raises(OperationalError):
                wakeups.send(SETTLE, CONTROL)
    finally:
        own_valkey.resume()
    assert open_files() <= before
    assert wakeups.send(SETTLE, CONTROL)
    wakeups.close()
