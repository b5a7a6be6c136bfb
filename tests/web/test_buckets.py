"""Token buckets: of a socket, of addresses and tenants, of codes that are tried."""

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from scheduling.settings import Settings
from web.allowance import Allowance
from web.buckets import Buckets
from web.connection import Connection
from web.limiter import CodeTries, Limiter


class Clock:
    """A clock in the test's hands, s."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Socket:
    """Stands for a connection, which is told apart by itself alone."""


def test_a_burst_passes_and_what_follows_is_held_back() -> None:
    clock = Clock()
    allowance = Allowance(100, 0, 1000, clock)
    assert [allowance.take(10) for _ in range(200)] == [0.0] * 200
    assert allowance.take(10) == 0.05
    clock.now_s += 0.05
    assert [allowance.take(10) for _ in range(3)] == [0.0] * 3
    assert [allowance.take(10) for _ in range(2)][1] == 0.05


def test_a_message_of_the_largest_size_always_passes_and_is_paid_for() -> None:
    clock = Clock()
    allowance = Allowance(0, 1000, 16_000, clock)
    assert allowance.take(16_000) == 0.0
    assert allowance.take(16_000) == 0.0
    assert allowance.take(500) == 0.5
    assert not allowance.owes
    assert allowance.take(16_000) == 1.0
    assert allowance.owes
    for _ in range(15):
        clock.now_s += 1
        assert allowance.owed() == 1.0
    clock.now_s += 1
    assert allowance.owed() == 0.5
    assert not allowance.owes


def test_no_rate_is_no_limit() -> None:
    allowance = Allowance(0, 0, 1000, Clock())
    assert not any(allowance.take(16_000_000) for _ in range(10_000))


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 3000)), max_size=60))
def test_nobody_says_more_than_a_burst_and_what_the_time_allows(said: list[tuple[float, int]]) -> None:
    """What passes by a time is bounded by the burst, the rate and one message."""
    clock = Clock()
    allowance = Allowance(50, 1000, 3000, clock)
    messages = size = 0
    for pause_s, each in said:
        clock.now_s += pause_s
        passed_s = clock.now_s - 100
        assert messages <= 100 + 50 * passed_s + 1
        assert size <= 6000 + 1000 * passed_s + 3000
        messages, size = messages + 1, size + each
        late_s = allowance.take(each)
        while late_s:
            clock.now_s += late_s
            late_s = allowance.owed() if allowance.owes else 0.0


def test_names_have_a_bucket_each_which_fills() -> None:
    clock = Clock()
    buckets = Buckets(2, clock=clock)
    assert [buckets.take("a", 0.5) for _ in range(3)] == [0.0, 0.0, 2.0]
    assert buckets.take("b", 0.5) == 0.0
    clock.now_s += 2
    assert buckets.take("a", 0.5) == 0.0


def test_only_so_many_names_are_kept_those_used_last() -> None:
    buckets = Buckets(1, most=2, clock=Clock())
    for name in ("a", "b", "a", "c"):
        buckets.charge(name)
    assert buckets.wait_s("b", 1) == 0.0
    assert buckets.wait_s("a", 1) == 2.0
    assert buckets.wait_s("c", 1) == 1.0


def test_codes_are_counted_by_socket_and_by_address() -> None:
    clock = Clock()
    tries = CodeTries(of_socket=2, of_address=5, clock=clock)
    sockets = [cast(Connection, Socket()) for _ in range(4)]
    assert [tries.begin(sockets[0], "x") for _ in range(3)] == [0, 0, 30_000]
    assert [tries.begin(sockets[1], "x") for _ in range(2)] == [0, 0]
    assert [tries.begin(sockets[2], "x") for _ in range(2)] == [0, 12_000]
    assert tries.begin(sockets[3], "y") == 0
    clock.now_s += 12
    assert tries.begin(sockets[2], "x") == 0


def test_right_codes_are_not_counted() -> None:
    tries = CodeTries(of_socket=1, of_address=1, clock=Clock())
    socket = cast(Connection, Socket())
    for _ in range(10):
        assert tries.begin(socket, "x") == 0
        tries.was_right(socket, "x")


def test_the_address_is_what_the_outermost_proxy_of_our_own_saw() -> None:
    asked = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "6.6.6.6, 1.2.3.4, 10.0.0.2"}

    def seen(proxies: str, environ: dict[str, str]) -> str:
        return Limiter(Settings(redis_url="redis://unused", trusted_proxies=proxies)).address_of(environ)

    assert seen("", asked) == "10.0.0.1"
    assert seen("10.0.0.1", asked) == "10.0.0.2"
    assert seen("10.0.0.0/8", asked) == "1.2.3.4"
    assert seen("10.0.0.0/8, 1.2.3.4", asked) == "6.6.6.6"
    assert seen("10.0.0.0/8", {"REMOTE_ADDR": "10.0.0.1"}) == "10.0.0.1"
    assert seen("", {"REMOTE_ADDR": "2001:db8:1:2:3:4:5:6"}) == "2001:db8:1:2::/64"
    assert seen("", {"REMOTE_ADDR": "::ffff:1.2.3.4"}) == "1.2.3.4"
    assert seen("", {"REMOTE_ADDR": ""}) == ""
