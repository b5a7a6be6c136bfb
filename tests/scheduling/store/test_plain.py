"""What only the plain store does: threads, forks, and a caller ended from outside."""

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread, Timer
from types import FrameType

import pytest

from scheduling.errors import StoreUnavailable
from scheduling.store.plain import PlainStore
from tests.scheduling.store.samples import ECHO
from tests.valkey import Valkey


def test_threads_share_a_store(store: PlainStore) -> None:
    def work(worker: int) -> None:
        for turn in range(50):
            text = f"{worker}:{turn}"
            assert store.call(ECHO, (), [text]) == text.encode()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


def test_a_connection_is_kept(store: PlainStore) -> None:
    first = store.command("CLIENT", "ID")
    assert store.command("CLIENT", "ID") == first


def test_the_cause_is_told_and_not_that_the_last_try_had_no_time() -> None:
    """Why a certificate was refused became "Timeout connecting to server" when the time was nearly over."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse_once() -> None:
            server.accept()[0].close()  # and leave all others waiting

        Thread(target=refuse_once, daemon=True).start()
        port = server.getsockname()[1]
        with (
            PlainStore(f"redis://127.0.0.1:{port}/0", timeout_s=0.5) as store,
            pytest.raises(StoreUnavailable, match=r"closed|reset"),
        ):
            store.command("PING")


def test_a_forked_process_makes_its_own_connection(store: PlainStore) -> None:
    """Two processes on one connection would read each other's answers."""
    parents = store.command("CLIENT", "ID")
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, str(store.command("CLIENT", "ID")).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as answer:
        assert int(answer.read()) != parents
    assert store.command("CLIENT", "ID") == parents


class Ended(BaseException):
    pass


@pytest.fixture
def ending() -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        raise Ended

    before = signal.signal(signal.SIGUSR1, end)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.usefixtures("ending")
def test_a_caller_ended_from_outside_leaves_no_answer_behind(own_valkey: Valkey) -> None:
    """Celery ends a task by raising in the midst of it, perhaps between a question and its answer."""
    with PlainStore(own_valkey.url, timeout_s=20.0) as store:
        store.command("SET", "key", "not yours")
        own_valkey.pause()
        Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(Ended):
            store.command("GET", "key")
        own_valkey.resume()
        assert store.command("PING") == b"PONG"
