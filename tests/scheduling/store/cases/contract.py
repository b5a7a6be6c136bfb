"""What both stores promise, whatever connects them. A case is given the way to make a store."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest

from scheduling.errors import (
    CommandError,
    ScriptError,
    StoreOutOfMemory,
    StoreReadOnly,
    StoreTimeout,
    StoreUnavailable,
)
from scheduling.store.base import Store
from scheduling.store.batched import BatchedStore
from scheduling.store.plain import PlainStore
from tests.scheduling.store.proxy import Proxy, make_certificate
from tests.scheduling.store.samples import BROKEN, COUNT, ECHO, FAILS, ONCE, SPIN, TYPES
from tests.valkey import Valkey, free_port

Make = Callable[..., AbstractContextManager[Store]]

CASES: dict[str, Callable[[Make], None]] = {}


def case(body: Callable[[Make], None]) -> Callable[[Make], None]:
    CASES[body.__name__] = body
    return body


def run(name: str, kind: str) -> None:
    """Run a case with one kind of store."""
    made: dict[str, Make] = {
        "plain": PlainStore,
        "batched": lambda url, **options: BatchedStore(url, preload=(), **options),
    }
    CASES[name](made[kind])


def runs_of(server: Valkey) -> int:
    """How many scripts the server has run."""
    with PlainStore(server.url) as store:
        lines = store.command("INFO", "commandstats").decode().splitlines()
    stats = [line for line in lines if line.startswith(("cmdstat_evalsha:", "cmdstat_eval:"))]
    return sum(int(line.partition("calls=")[2].partition(",")[0]) for line in stats)


@case
def replies_have_the_types_of_resp2(make: Make) -> None:
    with Valkey() as server, make(server.url) as store:
        assert store.call(TYPES) == [1, b"two", None, [b"three", []]]
        assert store.command("GET", "nothing") is None
        assert store.command("SET", "key", "ä") == b"OK"
        assert store.command("GET", "key") == "ä".encode()


@case
def parts_are_text_bytes_and_numbers(make: Make) -> None:
    with Valkey() as server, make(server.url) as store:
        pairs = {"ä": "ä".encode(), b"\x00\xff\r\n": b"\x00\xff\r\n", 7: b"7", 1.5: b"1.5", "": b""}
        assert {part: store.call(ECHO, (), [part]) for part in pairs} == pairs


@case
def other_parts_are_refused_before_anything_is_sent(make: Make) -> None:
    with Valkey() as server, make(server.url) as store:
        store.command("SET", "n", 1)
        for part in (None, True, object()):
            with pytest.raises(TypeError):
                store.command("INCR", "n", part)  # type: ignore[arg-type]
        assert store.command("GET", "n") == b"1"


@case
def commands_answer_in_order(make: Make) -> None:
    with Valkey() as server, make(server.url) as store:
        assert store.commands([("SET", "a", 1), ("INCR", "a"), ("GET", "a")]) == [b"OK", 2, b"2"]
        assert store.commands([]) == []


@case
def the_first_error_of_several_commands_is_raised(make: Make) -> None:
    with Valkey() as server, make(server.url) as store:
        with pytest.raises(CommandError, match="wrong number of arguments for 'incr'"):
            store.commands([("SET", "a", 1), ("INCR",), ("LPUSH", "a", 1), ("SET", "a", 2)])
        assert store.command("GET", "a") == b"2"


@case
def one_script_for_many_keys_answers_in_order(make: Make) -> None:
    with Valkey() as server, make(server.url) as store:
        asked = [((), [str(index)]) for index in range(50)]
        for _ in range(2):
            assert store.calls(ECHO, asked) == [str(index).encode() for index in range(50)]
            store.command("SCRIPT", "FLUSH")
        assert store.calls(ECHO, []) == []


@case
def the_first_error_of_several_calls_is_raised(make: Make) -> None:
    with Valkey() as server, make(server.url) as store:
        store.command("SET", "text", "x")
        with pytest.raises(ScriptError, match="not an integer"):
            store.calls(COUNT, [(("n",), ()), (("text",), ()), (("n",), ())])
        assert int(store.command("GET", "n")) >= 2


@case
def a_script_the_server_never_saw_is_brought_along(make: Make) -> None:
    with Valkey() as server, make(server.url) as store:
        assert store.call(ECHO, ("key",), ["first"]) == b"first"
        assert store.call(ECHO, ("key",), ["second"]) == b"second"


@case
def a_flushed_script_cache_is_not_noticed(make: Make) -> None:
    """`SCRIPT FLUSH`, a restart and a fail-over all empty the cache of scripts."""
    with Valkey() as server, make(server.url) as store:
        for flush in (b"SYNC", b"ASYNC"):
            store.call(COUNT, ("n",))
            store.command("SCRIPT", "FLUSH", flush)
            store.call(COUNT, ("n",))
        assert store.command("GET", "n") == b"4"


@case
def a_failing_script_is_named_with_its_line(make: Make) -> None:
    with Valkey() as server, make(server.url) as store, pytest.raises(ScriptError) as raised:
        store.call(FAILS)
    assert raised.value.script == "fails"
    assert "fails.lua:2: attempt to index local 'nothing' (a nil value)" in str(raised.value)


@case
def a_script_that_does_not_compile_is_named(make: Make) -> None:
    with (
        Valkey() as server,
        make(server.url) as store,
        pytest.raises(ScriptError, match=r"broken: .*broken\.lua:1"),
    ):
        store.call(BROKEN)


@case
def a_refused_command_is_a_command_error(make: Make) -> None:
    with Valkey() as server, make(server.url) as store:
        store.command("SET", "text", "x")
        with pytest.raises(CommandError, match="WRONGTYPE"):
            store.command("LPUSH", "text", 1)
        assert store.command("GET", "text") == b"x"


@case
def what_was_submitted_can_be_waited_for_twice(make: Make) -> None:
    with Valkey() as server, make(server.url) as store:
        pending = store.submit(ECHO, (), ["x"])
        assert (pending.wait(), pending.wait()) == (b"x", b"x")
        assert store.submit_command("PING").wait(timeout_s=2.0) == b"PONG"


@case
def failures_nobody_waits_for_are_counted(make: Make) -> None:
    with Valkey() as server, make(server.url) as store:
        seen = store.submit(FAILS)
        store.submit(FAILS)
        store.submit_command("INCR")
        with pytest.raises(ScriptError):
            seen.wait()
        del seen
        store.command("PING")
        assert store.unheard.count == 2  # type: ignore[attr-defined]


@case
def nobody_listens(make: Make) -> None:
    url = f"redis://127.0.0.1:{free_port()}"
    with make(url) as store, pytest.raises(StoreUnavailable, match="refused"):
        store.command("PING", timeout_s=0.1)


@case
def a_server_that_comes_late_is_waited_for(make: Make) -> None:
    with Valkey() as server, make(server.url) as store:
        server.kill()
        start = Thread(target=server.start)
        start.start()
        assert store.call(ECHO, (), ["x"], timeout_s=20.0) == b"x"
        start.join()


@case
def a_restart_between_calls_is_not_noticed(make: Make) -> None:
    with Valkey() as server, make(server.url) as store:
        store.call(ECHO, (), ["x"])
        server.restart()
        assert store.call(ECHO, (), ["y"]) == b"y"
        server.restart()
        # Not even where repeating is forbidden: nothing was in flight.
        assert store.command("PING", retry=False) == b"PONG"


@case
def a_frozen_server_costs_a_time_out_and_no_more(make: Make) -> None:
    """The connection with an answer still due must never serve the next question."""
    with Valkey() as server, make(server.url, timeout_s=0.3) as store:
        store.command("SET", "key", "old")
        server.pause()
        with pytest.raises(StoreTimeout):
            store.command("GET", "key")
        server.resume()
        assert store.command("PING") == b"PONG"


@case
def a_lost_answer_is_asked_for_again(make: Make) -> None:
    """The script ran, its answer did not arrive: it runs twice, to one effect and one answer."""
    with Valkey() as server, Proxy(server.port) as proxy, make(proxy.url) as store:
        store.command("PING")
        before = runs_of(server)
        proxy.lose_next_answer()
        assert store.call(ONCE, ("set",), ["member"]) == 1
        assert proxy.lost.is_set()
        # EVALSHA refused, EVAL lost, EVAL answered.
        assert runs_of(server) - before >= 2


@case
def a_lost_answer_is_not_asked_for_again_where_that_is_forbidden(make: Make) -> None:
    with Valkey() as server, Proxy(server.port) as proxy, make(proxy.url) as store:
        store.command("PING")
        proxy.lose_next_answer()
        with pytest.raises(StoreUnavailable):
            store.command("INCR", "n", retry=False)
        assert store.command("GET", "n") == b"1"


@case
def a_full_server_is_told_at_once(make: Make) -> None:
    fill = ("SET", "big", b"x" * 4_000_000)
    with Valkey(maxmemory="3mb", maxmemory_policy="noeviction") as server, make(server.url) as store:
        with pytest.raises(StoreOutOfMemory):
            store.commands([fill, ("SET", "small", 1)], timeout_s=30.0)
        store.command("CONFIG", "SET", "maxmemory", 1)
        before = runs_of(server)
        with pytest.raises(StoreOutOfMemory):
            store.call(COUNT, ("n",), timeout_s=30.0)
        # Once by digest, once in full: not again and again for 30 s.
        assert runs_of(server) - before == 2
        assert store.command("GET", "n") is None


@case
def a_replica_refuses_until_it_is_promoted(make: Make) -> None:
    with Valkey() as server, make(server.url) as store:
        store.call(COUNT, ("n",))
        store.command("REPLICAOF", "127.0.0.1", free_port())
        with pytest.raises(StoreReadOnly, match="READONLY"):
            store.call(COUNT, ("n",), timeout_s=0.2)
        promote = Thread(target=_do, args=(server.url, "REPLICAOF", "NO", "ONE"))
        promote.start()
        assert store.call(COUNT, ("n",), timeout_s=20.0) == 2
        promote.join()


def _do(url: str, *parts: str) -> None:
    with PlainStore(url) as other:
        other.command(*parts)


@case
def a_server_that_loads_its_data_is_waited_for(make: Make) -> None:
    slowly = {"key_load_delay": "5000", "loading_process_events_interval_bytes": "1024"}
    with Valkey(**slowly, rdbcompression="no") as server, make(server.url) as store:
        store.commands([("SET", f"key:{index}", "x" * 100) for index in range(300)])
        store.command("SAVE")
        server.restart(ready=False)
        with pytest.raises(StoreUnavailable, match="LOADING"):
            store.command("GET", "key:1", timeout_s=0.5)
        assert store.command("GET", "key:1", timeout_s=20.0) == b"x" * 100


@case
def a_server_busy_with_a_script_is_waited_for(make: Make) -> None:
    with Valkey(busy_reply_threshold="10") as server, make(server.url) as store:
        spinning = Thread(target=_spin, args=(server.url,))
        spinning.start()
        with pytest.raises(StoreUnavailable, match="BUSY"):
            while True:
                store.command("PING", timeout_s=0.2)
        kill = Thread(target=_do, args=(server.url, "SCRIPT", "KILL"))
        kill.start()
        assert store.command("PING", timeout_s=20.0) == b"PONG"
        kill.join()
        spinning.join()


def _spin(url: str) -> None:
    with PlainStore(url) as other, pytest.raises(ScriptError, match="killed"):
        other.call(SPIN, timeout_s=30.0)


@case
def a_moved_slot_is_followed(make: Make) -> None:
    """Two nodes; the first says MOVED. When the second is gone, the first is asked where to go."""
    ports = [str(free_port()) for _ in range(2)]
    options = {"cluster_enabled": "yes", "cluster_node_timeout": "1000"}
    with (
        Valkey(**options, cluster_port=ports[0]) as first,
        Valkey(**options, cluster_port=ports[1]) as second,
    ):
        _form_cluster(second, first, ports[1])
        with make(first.url) as store:
            assert store.call(COUNT, ("{cell}:n",), timeout_s=20.0) == 1
            assert store.call(COUNT, ("{cell}:n",)) == 2
            with PlainStore(second.url) as direct:
                assert direct.command("GET", "{cell}:n") == b"2"
            _give_all_slots(first, second)
            second.kill()
            assert store.call(COUNT, ("{cell}:n",), timeout_s=20.0) == 1


def _form_cluster(owner: Valkey, other: Valkey, bus_port: str) -> None:
    with PlainStore(owner.url) as here, PlainStore(other.url) as there:
        here.command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        there.command("CLUSTER", "MEET", "127.0.0.1", owner.port, bus_port)
        _until_formed(here)
        _until_formed(there)


def _give_all_slots(receiver: Valkey, giver: Valkey) -> None:
    """Take over as after the loss of a node, without its data."""
    with PlainStore(receiver.url) as here:
        lost = here.command("CLUSTER", "NODES").decode().splitlines()
        node = next(line.split(" ")[0] for line in lost if f":{giver.port}@" in line)
        here.command("CLUSTER", "FORGET", node)
        here.command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        _until_formed(here)


def _until_formed(store: Store) -> None:
    """Wait for what only shows when asked for; the test's own time-out ends it."""
    while b"cluster_state:ok" not in store.command("CLUSTER", "INFO"):
        time.sleep(0.02)


@case
def a_password_is_given_and_a_wrong_one_is_told(make: Make) -> None:
    with Valkey(requirepass="secret") as server:
        with make(f"redis://:secret@127.0.0.1:{server.port}/3") as store:
            assert store.call(ECHO, (), ["x"]) == b"x"
            assert b" db=3 " in store.command("CLIENT", "INFO")
        url = f"redis://:wrong@127.0.0.1:{server.port}"
        with make(url) as store, pytest.raises(StoreUnavailable, match="invalid username-password"):
            store.command("PING", timeout_s=0.1)


@case
def a_unix_socket_will_do(make: Make) -> None:
    with TemporaryDirectory() as folder:
        path = f"{folder}/valkey"
        with Valkey(unixsocket=path), make(f"unix://{path}") as store:
            assert store.call(ECHO, (), ["x"]) == b"x"


@case
def tls_is_spoken_and_the_certificate_checked(make: Make) -> None:
    body = b"x" * 3_000_000
    with TemporaryDirectory() as folder:
        certificate, context = make_certificate(Path(folder))
        with Valkey() as server, Proxy(server.port, context) as proxy:
            url = f"rediss://127.0.0.1:{proxy.port}"
            with make(f"{url}?ssl_ca_certs={certificate}") as store:
                store.command("SET", "body", body, timeout_s=20.0)
                assert store.commands([("GET", "body"), ("PING",)], timeout_s=20.0) == [body, b"PONG"]
            with make(url) as store, pytest.raises(StoreUnavailable, match="certificate"):
                store.command("PING", timeout_s=0.2)


@case
def a_closed_store_says_so(make: Make) -> None:
    with Valkey() as server:
        with make(server.url) as store:
            store.command("PING")
        with pytest.raises(StoreUnavailable, match="closed"):
            store.command("PING")


@case
def urls_are_checked_when_the_store_is_made(make: Make) -> None:
    with pytest.raises(ValueError, match="scheme"):
        make("http://127.0.0.1")
