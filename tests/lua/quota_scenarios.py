"""What tenants may take, and what they took, tried twice (`tests/lua/test_twice.py`)."""

from datetime import date

from scheduling.usage import Amount, Batch, add_usage, read_usage
from tests.lua.test_quota import AUDIO, JOBS, WAITING, refused
from tests.lua.twice import scenario
from tests.lua.world import World


@scenario("reserve")
def of_a_tenant_with_all_it_may(world: World) -> None:
    world.ready("n1", slots=1)
    world.open()
    for number in range(2):
        world.reserve(f"j{number}", tenant="t", quota=JOBS, audio_ms=1000)
    assert refused(world, "j2", quota=JOBS, audio_ms=1000) == "jobs"
    assert refused(world, "j3", quota=AUDIO, audio_ms=60_001) == "audio"
    assert refused(world, "j4", quota=WAITING) == "waiting"


@scenario("reserve")
def after_a_day(world: World) -> None:
    world.ready("n1", slots=8)
    world.open()
    world.reserve("j0", tenant="t", quota=AUDIO, audio_ms=60_000)
    assert refused(world, "j1", quota=AUDIO, audio_ms=1) == "audio"


@scenario("open_session")
def of_a_tenant_with_as_many_as_it_may(world: World) -> None:
    sessions = world.ledger.sessions
    sessions.open("s1", "web1", "so1", "{}", tenant="t", most=1)
    assert refused(world, "s2", kind="session") == "sessions"
    sessions.detach("s1", "so1", 0, (0, 0))
    sessions.open("s2", "web1", "so2", "{}", tenant="t", most=1)


@scenario("close_session")
def of_a_counted_session(world: World) -> None:
    world.ledger.sessions.open("s1", "web1", "so1", "{}", tenant="t", most=1)
    world.ledger.sessions.close("s1", "so1")
    assert not world.dump().scores("tenantsessions:t")


@scenario("resume_session")
def of_a_counted_session_again(world: World) -> None:
    sessions = world.ledger.sessions
    sessions.open("s1", "web1", "so1", "{}", "token", tenant="t", most=1)
    sessions.detach("s1", "so1", 0, (0, 0))
    assert sessions.resume("s1", "web2", "so2", "token")
    assert set(world.dump().scores("tenantsessions:t")) == {"s1"}


@scenario("complete")
def counted_as_usage(world: World) -> None:
    world.ready("n1")
    world.open()
    world.started("j0", tenant="t", audio_ms=700)
    ended = world.ledger.jobs.complete("j0", "n1", 1, "ok", instance="web1", result="{}", call="web1 1")
    assert (ended.counts, ended.tenant, ended.audio_ms) == (True, "t", 700)
    again = world.ledger.jobs.complete("j0", "n1", 1, "ok", instance="web1", result="{}", call="web1 2")
    assert (again.counts, again.state) == (False, "done")


@scenario("add_usage")
def counted(world: World) -> None:
    day = date(2026, 11, 28)
    for number in (1, 2):
        add_usage(world.ledger.cell, "web1", Batch(number, day, [("tenant", "a b", Amount(10, 2, 1))]))
    (row,) = read_usage(world.ledger.cell, "tenant", day, day)
    assert (row.name, row.amount) == ("a b", Amount(20, 4, 2))
