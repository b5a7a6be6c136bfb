"""What only the batched store does; each case runs in a patched process."""

import random
from contextlib import suppress

import gevent
import pytest
from gevent import monkey
from greenlet import GreenletExit, greenlet

from scheduling import scripts
from scheduling.errors import ScriptError, StoreBusy, StoreTimeout, StoreUnavailable
from scheduling.store.batched import BatchedStore
from tests.scheduling.store.cases.registry import SLOW, batched, case, echo
from tests.scheduling.store.proxy import Proxy
from tests.scheduling.store.samples import COUNT, ECHO, FAILS, ONCE
from tests.valkey import Valkey, free_port


@case
def one_turn_of_the_loop_is_one_write() -> None:
    with Valkey() as server, batched(server.url) as store:
        echo(store, "connected, and the script known")
        before = store.stats.flushes
        gevent.joinall([gevent.spawn(echo, store, str(index)) for index in range(100)], raise_error=True)
        assert store.stats.flushes - before == 1


@case
def two_hundred_greenlets_each_get_their_own_answer() -> None:
    def work(worker: int) -> None:
        for turn in range(50):
            echo(store, f"{worker}:{turn}")

    with Valkey() as server, batched(server.url) as store:
        gevent.joinall([gevent.spawn(work, worker) for worker in range(200)], raise_error=True)
        assert (store.stats.calls, store.pending) == (10_000, 0)
        assert store.stats.flushes < 1000
        assert store.stats.connects == 1


@case
def every_connection_begins_with_the_scripts() -> None:
    with Valkey() as server, BatchedStore(server.url, preload=[ECHO, COUNT]) as store:
        for _ in range(2):
            assert store.command("PING") == b"PONG"
            assert store.command("SCRIPT", "EXISTS", ECHO.sha1, COUNT.sha1) == [1, 1]
            server.restart()


@case
def the_scripts_of_the_project_are_loaded_by_default() -> None:
    with Valkey() as server, BatchedStore(server.url) as store:
        digests = [script.sha1 for script in scripts.load_all().values()]
        assert store.command("SCRIPT", "EXISTS", *digests) == [1] * len(digests)


@case
def a_crash_in_the_middle_is_survived_by_every_call() -> None:
    """The server dies three times under 100 greenlets: nobody gets an error or a wrong answer."""
    rounds: list[int] = []

    def work(worker: int) -> None:
        turn = 0
        while len(rounds) < 3:
            turn += 1
            text = f"{worker}:{turn}"
            assert store.call(ECHO, (), [text], timeout_s=30.0) == text.encode()

    with Valkey() as server, batched(server.url) as store:
        workers = [gevent.spawn(work, worker) for worker in range(100)]
        while len(rounds) < 3:
            calls = store.stats.calls
            while store.stats.calls < calls + 500:
                gevent.sleep(0.001)
            server.restart()
            rounds.append(store.stats.calls)
        gevent.joinall(workers, raise_error=True)
        assert store.stats.losses >= 3


@case
def a_crash_ends_in_unavailable_when_the_time_is_over() -> None:
    with Valkey() as server, batched(server.url, timeout_s=0.3) as store:
        echo(store, "x")
        server.kill()
        workers = [gevent.spawn(store.call, ECHO, (), ["x"]) for _ in range(50)]
        gevent.joinall(workers)
        assert {type(worker.exception) for worker in workers} == {StoreUnavailable}
        assert store.pending == 0
        server.start()
        # The pause after so many vain tries may be longer than the time of those before.
        assert store.call(ECHO, (), ["as before"], timeout_s=30.0) == b"as before"


@case
def a_frozen_server_times_out_those_who_asked_and_loses_its_connection() -> None:
    with Valkey() as server, batched(server.url, timeout_s=0.3) as store:
        echo(store, "x")
        server.pause()
        workers = [gevent.spawn(store.call, ECHO, (), [index]) for index in range(50)]
        gevent.joinall(workers)
        assert {type(worker.exception) for worker in workers} == {StoreTimeout}
        while not store.stats.losses:
            gevent.sleep(0.01)
        server.resume()
        gevent.joinall([gevent.spawn(echo, store, str(index)) for index in range(50)], raise_error=True)


@case
def a_server_thawed_in_time_is_only_slow() -> None:
    with Valkey() as server, batched(server.url, timeout_s=20.0) as store:
        echo(store, "x")
        server.pause()
        with pytest.raises(StoreTimeout):
            store.call(ECHO, (), ["abandoned"], timeout_s=0.1)
        waiting = gevent.spawn(echo, store, "patient")
        gevent.sleep(0)
        server.resume()
        waiting.get()
        # The late answer to the abandoned call was nobody else's.
        assert (store.stats.losses, store.stats.timeouts) == (0, 1)


@case
def impatient_callers_do_not_starve_a_slow_script() -> None:
    """Were the connection given up with every time-out, the slow call would start anew for ever."""
    with Valkey() as server, batched(server.url, timeout_s=5.0) as store:
        slow = gevent.spawn(store.call, SLOW, ("runs",), [0.5])
        while not slow.ready():
            with suppress(StoreTimeout):
                store.command("PING", timeout_s=0.05)
        assert slow.get() == b"done"
        assert store.command("GET", "runs") == b"1"
        assert store.stats.timeouts > 1
        assert store.stats.losses == 0


@case
def a_lost_answer_under_load_has_one_effect_each() -> None:
    def add(member: str) -> None:
        assert store.call(ONCE, ("set",), [member], timeout_s=30.0) >= 1

    with Valkey() as server, Proxy(server.port) as proxy, batched(proxy.url) as store:
        store.command("PING")
        for turn in range(3):
            proxy.lose_next_answer()
            adding = [gevent.spawn(add, f"{turn}:{index}") for index in range(100)]
            gevent.joinall(adding, raise_error=True)
        assert store.command("SCARD", "set") == 300
        assert store.stats.losses == 3


@case
def a_killed_greenlet_disturbs_nobody() -> None:
    with Valkey() as server, batched(server.url, timeout_s=20.0) as store:
        echo(store, "x")
        server.pause()
        doomed = [gevent.spawn(echo, store, f"doomed {index}") for index in range(20)]
        others = [gevent.spawn(echo, store, f"other {index}") for index in range(20)]
        gevent.sleep(0.05)
        gevent.killall(doomed)
        server.resume()
        gevent.joinall(others, raise_error=True)
        assert all(isinstance(worker.value, GreenletExit) for worker in doomed)
        assert (store.pending, store.stats.losses) == (0, 0)


@case
def a_timeout_of_gevent_leaves_the_connection_in_order() -> None:
    with Valkey() as server, batched(server.url, timeout_s=20.0) as store:
        echo(store, "x")
        server.pause()
        with gevent.Timeout(0.05, False):
            echo(store, "never seen")
        server.resume()
        echo(store, "y")
        assert store.stats.losses == 0


@case
def what_a_woken_greenlet_raises_stays_with_it() -> None:
    """A greenlet without gevent's care would throw its error into the hub, amid the answers to others."""

    def careless() -> None:
        store.command("PING")
        raise ValueError("mine")

    with Valkey() as server, batched(server.url) as store:
        echo(store, "x")
        hub = gevent.get_hub()
        hub.exception_stream = None  # type: ignore[assignment]
        raw = greenlet(careless, parent=hub)
        hub.loop.run_callback(raw.switch)
        others = [gevent.spawn(echo, store, str(index)) for index in range(20)]
        gevent.joinall(others, raise_error=True)
        assert raw.dead
        assert store.pending == 0


@case
def an_error_reaches_the_one_who_asked() -> None:
    with Valkey() as server, batched(server.url) as store:
        good = [gevent.spawn(echo, store, str(index)) for index in range(20)]
        bad = gevent.spawn(store.call, FAILS)
        good += [gevent.spawn(echo, store, str(index)) for index in range(20)]
        gevent.joinall(good, raise_error=True)
        bad.join()
        assert isinstance(bad.exception, ScriptError)


@case
def too_many_waiting_calls_are_refused_at_once() -> None:
    with Valkey() as server, batched(server.url, timeout_s=20.0, max_pending=10) as store:
        echo(store, "x")
        server.pause()
        pending = [store.submit(ECHO, (), [index]) for index in range(10)]
        with pytest.raises(StoreBusy, match="10 calls"):
            store.command("PING")
        assert store.stats.refusals == 1
        server.resume()
        assert [call.wait() for call in pending] == [str(index).encode() for index in range(10)]
        echo(store, "y")


@case
def too_many_waiting_bytes_are_refused_at_once() -> None:
    with Valkey() as server, batched(server.url, timeout_s=20.0, max_pending_bytes=100_000) as store:
        store.command("PING")
        server.pause()
        pending = store.submit_command("SET", "body", b"x" * 100_000)
        with pytest.raises(StoreBusy, match="bytes"):
            store.command("PING")
        server.resume()
        assert pending.wait() == b"OK"
        assert store.command("STRLEN", "body") == 100_000


@case
def without_a_server_memory_stays_bounded() -> None:
    """Calls that ended while there was no connection to send them on must not pile up."""
    with batched(f"redis://127.0.0.1:{free_port()}", timeout_s=0.05) as store:
        for _ in range(5):
            calls = [store.submit_command("PING") for _ in range(100)]
            for call in calls:
                with pytest.raises(StoreUnavailable):
                    call.wait()
        assert store.pending == 0
        assert len(store._courier._outbox) == 0


@case
def bodies_larger_than_the_kernel_takes_arrive_whole() -> None:
    bodies = {f"body:{index}": random.Random(index).randbytes(5_000_000) for index in range(4)}

    def keep(store: BatchedStore, key: str) -> None:
        assert store.command("SET", key, bodies[key], timeout_s=30.0) == b"OK"
        assert store.command("GET", key, timeout_s=30.0) == bodies[key]

    with Valkey() as server, batched(server.url) as store:
        gevent.joinall([gevent.spawn(keep, store, key) for key in bodies], raise_error=True)


@case
def a_call_given_less_time_afterwards_ends_earlier() -> None:
    with Valkey() as server, batched(server.url, timeout_s=60.0) as store:
        echo(store, "x")
        server.pause()
        pending = store.submit(ECHO, (), ["y"])
        with pytest.raises(StoreTimeout):
            pending.wait(timeout_s=0.05)
        server.resume()


@case
def two_greenlets_cannot_wait_for_one_call() -> None:
    with Valkey() as server, batched(server.url) as store:
        pending = store.submit(ECHO, (), ["x"])
        first = gevent.spawn(pending.wait)
        second = gevent.spawn(pending.wait)
        gevent.joinall([first, second])
        assert first.value == b"x"
        assert isinstance(second.exception, RuntimeError)


@case
def answers_that_came_while_the_process_was_held_up_count() -> None:
    """A garbage collection or a busy machine is not the server's silence."""
    with Valkey() as server, batched(server.url, timeout_s=0.2) as store:
        echo(store, "x")
        pending = store.submit(ECHO, (), ["y"])
        gevent.sleep(0)
        gevent.sleep(0)
        monkey.get_original("time", "sleep")(0.5)
        assert pending.wait() == b"y"
        assert store.stats.timeouts == 0


@case
def closing_ends_what_waits() -> None:
    with Valkey() as server, batched(server.url, timeout_s=60.0) as store:
        echo(store, "x")
        server.pause()
        waiting = [gevent.spawn(store.call, ECHO, (), ["y"]) for _ in range(10)]
        gevent.sleep(0.01)
        store.close()
        gevent.joinall(waiting)
        assert {type(worker.exception) for worker in waiting} == {StoreUnavailable}
        server.resume()


@case
def a_store_may_be_closed_by_a_greenlet_it_woke() -> None:
    def close_at_once() -> None:
        store.command("PING")
        store.close()

    with Valkey() as server, batched(server.url, timeout_s=60.0) as store:
        echo(store, "x")
        first = gevent.spawn(close_at_once)
        others = [gevent.spawn(store.command, "PING") for _ in range(10)]
        gevent.joinall([first, *others])
        assert first.successful()
        assert all(other.ready() for other in others)


@case
def an_unused_or_idle_store_may_be_closed() -> None:
    batched(f"redis://127.0.0.1:{free_port()}").close()
    with Valkey() as server:
        store = batched(server.url)
        echo(store, "x")
        gevent.sleep(0.1)
        store.close()
        store.close()


@case
def waits_are_kept_by_name() -> None:
    with Valkey() as server, batched(server.url) as store:
        for index in range(100):
            echo(store, str(index))
        store.command("GET", "x")
        waits = store.stats.waits
        assert (waits["echo"].link.total, waits["echo"].loop.total, waits["GET"].link.total) == (100, 100, 1)
        assert 0 < waits["echo"].link.quantile(0.5) <= waits["echo"].link.quantile(0.99)
